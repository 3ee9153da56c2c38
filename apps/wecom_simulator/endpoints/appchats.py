"""Group chats of members, made by an app: only an app that sees the whole corp may, only in its
own chats."""

import re

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import Call, Needs, endpoint, optional_text, text, texts
from .message_kinds import BUILDERS

MOST_NAME, FEWEST, MOST_PEOPLE = 50, 2, 2000
ROOT = "1"
CREATED_A_DAY, CHANGED_AN_HOUR = (1000, 86400), (100, 3600)


@endpoint("appchat/create", needs=Needs.AGENT, writes=True)
def appchat_create(call: Call) -> Row:
    _demand_whole_corp(call)
    people = _people(call, "userlist")
    owner = optional_text(call.body, "owner")
    chatid = optional_text(call.body, "chatid", most=32) or new_id("", 12)
    if not re.fullmatch(r"[A-Za-z0-9]{1,32}", chatid) or chatid in call.world.appchats:
        raise ApiError(86001)
    if not FEWEST <= len(people) <= MOST_PEOPLE:
        raise ApiError(86006)
    chief = call.user(owner, errcode=86003)["userid"] if owner else people[0]
    if chief not in people:
        raise ApiError(86003)
    _count(call, "create", CREATED_A_DAY)
    name = optional_text(call.body, "name", most=MOST_NAME) or "群聊"
    call.host.commit("appchat", chat={
        "chatid": chatid, "name": name, "owner": chief, "userlist": people, "app": call.app,
    })  # fmt: skip
    call.effect = {"appchat": chatid, "userids": people}
    return {"chatid": chatid}


@endpoint("appchat/get", needs=Needs.AGENT)
def appchat_get(call: Call) -> Row:
    chat = _chat(call, call.query.get("chatid", ""))
    names = ("chatid", "name", "owner", "userlist")
    return {"chat_info": {name: chat[name] for name in names}}


@endpoint("appchat/update", needs=Needs.AGENT, writes=True)
def appchat_update(call: Call) -> Row:
    chat = _chat(call, text(call.body, "chatid", empty=86001))
    come, go = _people(call, "add_user_list"), texts(call.body, "del_user_list", most=MOST_PEOPLE)
    people = [*(one for one in chat["userlist"] if one not in go), *come]
    people = list(dict.fromkeys(people))
    owner = optional_text(call.body, "owner") or chat["owner"]
    if not FEWEST <= len(people) <= MOST_PEOPLE:
        raise ApiError(86006)
    if owner not in people:
        raise ApiError(86003)
    _count(call, "change", CHANGED_AN_HOUR)
    name = optional_text(call.body, "name", most=MOST_NAME) or chat["name"]
    fields = {"name": name, "owner": owner, "userlist": people}
    call.host.commit("appchat_edited", chatid=chat["chatid"], fields=fields)
    call.effect = {"appchat": chat["chatid"], "userids": people}
    return {}


@endpoint("appchat/send", needs=Needs.AGENT, writes=True)
def appchat_send(call: Call) -> Row:
    chat = _chat(call, text(call.body, "chatid", empty=86001))
    kind = call.body.get("msgtype")
    if kind not in BUILDERS:
        raise ApiError(40008)
    block = call.body.get(kind)
    if not isinstance(block, dict):
        raise ApiError(40063)
    message = {"msgtype": kind, **BUILDERS[kind](call, block)}
    call.host.commit("appchat_message", chatid=chat["chatid"], message=message)
    call.effect = {"appchat": chat["chatid"], "userids": list(chat["userlist"])}
    return {}


def _demand_whole_corp(call: Call) -> None:
    roots = call.agent.get("visible_departments")
    if roots is not None and ROOT not in map(str, roots):
        raise ApiError(48002)


def _people(call: Call, name: str) -> list[str]:
    asked = texts(call.body, name, most=MOST_PEOPLE, too_many=86006)
    return list(dict.fromkeys(call.user(userid)["userid"] for userid in asked))


def _chat(call: Call, chatid: str) -> Row:
    _demand_whole_corp(call)
    chat = call.world.appchats.get(chatid)
    if chat is None:
        raise ApiError(40050)
    if chat["app"] != call.app:
        raise ApiError(86008)
    return chat


def _count(call: Call, what: str, limit: tuple[int, int]) -> None:
    most, window = limit
    if call.host.over_rate(f"appchat:{what}", limit=most, window_s=window):
        raise ApiError(45009)
