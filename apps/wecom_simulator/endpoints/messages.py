"""App messages to members."""

import hashlib
import json

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import Call, Needs, endpoint, number
from .card_blocks import INTERACTIVE, WRONG, template_card
from .message_kinds import BUILDERS

A_MINUTE, AN_HOUR = (30, 60), (1000, 3600)


@endpoint("message/send", needs=Needs.AGENT, writes=True)
def message_send(call: Call) -> Row:
    """A card or text to members. Over the limit of one member it is dropped without a word."""
    if str(call.body.get("agentid", "")) == "":
        raise ApiError(40056)
    if str(call.body["agentid"]) != call.app:
        raise ApiError(301002)
    shown = _content(call)
    userids, invalid = _receivers(call)
    repeat = _repeated(call)
    if repeat:
        return {"msgid": repeat, **invalid}
    if shown.get("task_id") and _is_taken(call, shown["task_id"]):
        raise ApiError(WRONG)
    reached = [userid for userid in userids if not _over_limit(call, userid)]
    msgid = new_id("sim_msg_", 16)
    notice = {"msgid": msgid, "userids": reached, "app": call.app, "digest": _digest(call), **shown}
    answer: Row = {"msgid": msgid, **invalid}
    if shown.get("card_type") in INTERACTIVE:
        answer["response_code"] = notice["response_code"] = new_id("RC_", 12)
    call.host.commit("notice", notice=notice)
    if "response_code" in notice:
        call.host.commit("response_code", code=notice["response_code"], msgid=msgid)
    call.effect = {"msgid": msgid, "userids": reached}
    return answer


def _receivers(call: Call) -> tuple[list[str], Row]:
    """Members reached, and who could not be: ids in lower case, as the real host answers."""
    world, visible = call.world, call.visible_users()
    if call.body.get("touser") == "@all":
        return sorted(visible), {}
    asked, parties = _listed(call, "touser"), _listed(call, "toparty")
    tags = _listed(call, "totag")
    if not asked and not parties and not tags:
        raise ApiError(82001)
    for values, most, errcode in ((asked, 1000, 40032), (parties, 100, 82002), (tags, 100, 82003)):
        if len(values) > most:
            raise ApiError(errcode)
    real = [(item, world.user_names.get(item.lower(), "")) for item in asked]
    found = dict.fromkeys(userid for _, userid in real if userid in visible)
    known = {party for party in parties if call.world.departments.get(party)}
    for userid in visible if known else ():
        if known & {str(item) for item in world.users[userid]["department"]}:
            found[userid] = None
    invalid = {
        "invaliduser": [item.lower() for item, userid in real if userid not in visible],
        "invalidparty": [party for party in parties if party not in known],
        "invalidtag": tags,  # contact tags are not part of this host
    }
    told: Row = {name: "|".join(values) for name, values in invalid.items() if values}
    if not found:
        raise ApiError(81013, **told)
    return list(found), told


def _listed(call: Call, name: str) -> list[str]:
    return [item for item in str(call.body.get(name) or "").split("|") if item]


def _digest(call: Call) -> str:
    """What counts as the same request."""
    body = json.dumps(call.body, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()


def _repeated(call: Call) -> str:
    if not call.body.get("enable_duplicate_check"):
        return ""
    interval = min(number(call.body, "duplicate_check_interval", 1800), 14400)
    digest = _digest(call)
    for notice in reversed(list(call.world.notices.values())):
        if notice["at"] < call.now - interval:
            break
        if notice["digest"] == digest:
            return str(notice["msgid"])
    return ""


def _is_taken(call: Call, task_id: str) -> bool:
    """A task id is for one card of an app."""
    rows = call.world.notices.values()
    return any(row.get("task_id") == task_id and row["app"] == call.app for row in rows)


def _over_limit(call: Call, userid: str) -> bool:
    key = f"member:{call.app}:{userid}"
    over = [call.host.over_rate(key, limit=n, window_s=window) for n, window in (A_MINUTE, AN_HOUR)]
    return any(over)


def _content(call: Call) -> Row:
    kind = call.body.get("msgtype")
    builders = {**BUILDERS, "template_card": template_card}
    if kind not in builders:
        raise ApiError(40008)
    block = call.body.get(kind)
    if not isinstance(block, dict):
        raise ApiError(40063)
    return {"msgtype": kind, **builders[kind](call, block)}
