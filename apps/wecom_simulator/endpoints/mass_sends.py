"""群发 to customers and the welcome message."""

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import (
    Call,
    Needs,
    attachments,
    endpoint,
    message_text,
    number,
    optional_text,
    page,
    page_size,
    text,
    texts,
)
from .groups import sendable_groups

MONTH_S = 31 * 86400
DAY_S = 86400


@endpoint("externalcontact/send_welcome_msg", needs=Needs.CUSTOMERS, writes=True)
def send_welcome_msg(call: Call) -> Row:
    """Within 20 seconds of the friendship, once."""
    code = text(call.body, "welcome_code", empty=41049)
    welcome = call.world.welcomes.get(code)
    if welcome is None or (not welcome["used"] and welcome["expires_at"] < call.now):
        raise ApiError(41050)
    if welcome["used"]:
        raise ApiError(41096 if _is_on_its_way(call, welcome) else 41051)
    content, extras = message_text(call), attachments(call)
    if not content and not extras:
        raise ApiError(40063)
    external_userid, userid = welcome["external_userid"], welcome["userid"]
    call.host.commit("welcome_used", code=code, app=call.app)
    call.host.commit("message", external_userid=external_userid, message={
        "userid": userid, "from": userid, "text": content, "attachments": extras, "msgid": "",
        "via": "welcome",
    })  # fmt: skip
    call.effect = {"welcomed": external_userid, "userid": userid}
    return {}


def _is_on_its_way(call: Call, welcome: Row) -> bool:
    """Another app was first and its words are still being delivered: it may be tried again."""
    takes = call.world.switches["welcome_delivery_s"]
    mine = welcome.get("used_by", call.app) == call.app
    return not mine and call.now - welcome.get("used_at", 0) < takes


@endpoint("externalcontact/add_msg_template", needs=Needs.CUSTOMERS, writes=True)
def add_msg_template(call: Call) -> Row:
    """Creates a task for each sending member; nothing goes out until they confirm on the phone."""
    chat_type = call.body.get("chat_type") or "single"
    if chat_type not in ("single", "group"):
        raise ApiError(40058)
    content, extras = message_text(call), attachments(call)
    if not content and not extras:
        raise ApiError(44004)
    receivers, failed = _groups(call) if chat_type == "group" else _receivers(call)
    if not receivers:
        raise ApiError(41048, fail_list=failed)
    msgid = new_id("msg", 15)
    send: Row = {
        "msgid": msgid, "chat_type": chat_type, "create_type": 0, "create_time": call.now,
        "text": content, "attachments": extras, "cancelled_at": None, "reminds": [],
        "app": call.app, "asked_sender": call.body.get("sender") or "",
        "tasks": {
            userid: {"status": 0, "send_time": None, "ignored": False}
            for userid in dict.fromkeys(receivers.values())
        },
        "receivers": {
            external_userid: {"userid": userid, "status": 0, "send_time": None}
            for external_userid, userid in receivers.items()
        },
    }  # fmt: skip
    call.host.commit("send", send=send)
    call.effect = {"msgid": msgid, "senders": list(send["tasks"]), "receivers": list(receivers)}
    return {"fail_list": failed, "msgid": msgid}


def _groups(call: Call) -> tuple[dict[str, str], list[str]]:
    """A send to groups always names its sender, who owns them."""
    sender = call.user(text(call.body, "sender"), errcode=40003)["userid"]
    return sendable_groups(call, sender)


def _receivers(call: Call) -> tuple[dict[str, str], list[str]]:
    """Who gets it from whom, and who cannot be reached at all."""
    sender = optional_text(call.body, "sender")
    asked = texts(call.body, "external_userid", most=10_000)
    tag_filter = call.body.get("tag_filter")
    if not sender and not asked and not tag_filter:
        raise ApiError(40063)
    real = call.user(sender, errcode=40003)["userid"] if sender else ""
    visible = call.visible_users()
    if not asked:
        asked = _asked_by_filter(call, real, tag_filter)
    receivers: dict[str, str] = {}
    failed: list[str] = []
    for external_userid in dict.fromkeys(asked):
        follows = call.world.follows.get(external_userid, {})
        candidates = [
            userid
            for userid, follow in follows.items()
            if userid in visible and not follow.get("half")
        ]
        userid = _who_sends(call, real, external_userid, candidates)
        if userid:
            receivers[external_userid] = userid
        else:
            failed.append(external_userid)
    return receivers, failed


def _asked_by_filter(call: Call, sender: str, tag_filter: object) -> list[str]:
    pool = call.world.customers_of.get(sender, {}) if sender else call.world.follows
    if not tag_filter:
        return list(pool)
    if not isinstance(tag_filter, dict) or not isinstance(tag_filter.get("group_list"), list):
        raise ApiError(40058)
    groups = [texts(group, "tag_list", most=100) for group in tag_filter["group_list"]]
    return [ext for ext in pool if _matches(call, ext, groups)]


def _matches(call: Call, external_userid: str, groups: list[list[str]]) -> bool:
    """OR inside a group, AND between groups."""
    follows = call.world.follows.get(external_userid, {}).values()
    tags = {tag for follow in follows for tag in follow["tag_ids"]}
    return all(tags & set(group) for group in groups)


def _who_sends(call: Call, sender: str, external_userid: str, candidates: list[str]) -> str:
    if sender and not call.world.switches["ignore_sender"]:
        return sender if sender in candidates else ""
    if sender and sender not in candidates:
        return ""
    return max(candidates, key=lambda userid: _last_talk(call, external_userid, userid), default="")


def _last_talk(call: Call, external_userid: str, userid: str) -> float:
    messages = call.world.messages.get(external_userid, [])
    times = [message["at"] for message in messages if message["userid"] == userid]
    created: float = call.world.follows[external_userid][userid]["createtime"]
    return max([created, *times])


@endpoint("externalcontact/get_groupmsg_list_v2", needs=Needs.CUSTOMERS)
def get_groupmsg_list_v2(call: Call) -> Row:
    """Mass sends of a window of at most a month. Those made through the API name no creator."""
    start, end = number(call.body, "start_time", 0), number(call.body, "end_time", 0)
    if not start or not end:
        raise ApiError(40063)
    if end < start or end - start > MONTH_S:
        raise ApiError(40058)
    filter_type = number(call.body, "filter_type", 2)
    creator = optional_text(call.body, "creator")
    chat_type = text(call.body, "chat_type")
    lag = call.world.switches["listing_lag_s"]
    newest = max((send["create_time"] for send in call.world.sends.values()), default=0)
    if lag and call.now - newest < lag:
        raise ApiError(41063)
    rows = [
        _listing(send)
        for send in call.world.sends.values()
        if send["chat_type"] == chat_type
        and start <= int(send["create_time"]) <= end
        and filter_type in (2, send["create_type"])
        and creator in ("", send.get("creator", ""))
    ]
    size = page_size(call.body, default=50, most=100)
    scope = f"sends:{start}:{end}:{filter_type}:{creator}"
    part, cursor = page(call, rows, size=size, scope=scope)
    return {"group_msg_list": part, "next_cursor": cursor}


def _listing(send: Row) -> Row:
    row = {
        "msgid": send["msgid"],
        "create_time": str(int(send["create_time"])),
        "create_type": send["create_type"],
        "attachments": send["attachments"],
    }
    if send["text"]:
        row["text"] = {"content": send["text"]}
    if send.get("creator"):
        row["creator"] = send["creator"]
    return row


def _send(call: Call) -> Row:
    msgid = text(call.body, "msgid", empty=41046)
    if msgid not in call.world.sends:
        raise ApiError(41047)
    return call.world.sends[msgid]


@endpoint("externalcontact/get_groupmsg_task", needs=Needs.CUSTOMERS)
def get_groupmsg_task(call: Call) -> Row:
    send = _send(call)
    rows = [_timed({"userid": u, "status": t["status"]}, t) for u, t in send["tasks"].items()]
    size = page_size(call.body, default=500, most=1000)
    part, cursor = page(call, rows, size=size, scope=f"task:{send['msgid']}")
    return {"task_list": part, "next_cursor": cursor}


def _timed(row: Row, source: Row) -> Row:
    if source["send_time"]:
        row["send_time"] = int(source["send_time"])
    return row


@endpoint("externalcontact/get_groupmsg_send_result", needs=Needs.CUSTOMERS)
def get_groupmsg_send_result(call: Call) -> Row:
    send = _send(call)
    userid = call.user(text(call.body, "userid"), errcode=40003)["userid"]
    to_groups = send["chat_type"] == "group"
    name = "chat_id" if to_groups else "external_userid"
    rows = [
        _timed({name: ident, "userid": userid, "status": row["status"]}, row)
        for ident, row in send["receivers"].items()
        # of groups only those appear that have it
        if row["userid"] == userid and (row["status"] == 1 or not to_groups)
    ]
    size = page_size(call.body, default=500, most=1000)
    part, cursor = page(call, rows, size=size, scope=f"result:{send['msgid']}:{userid}")
    return {"send_list": part, "next_cursor": cursor}


@endpoint("externalcontact/remind_groupmsg_send", needs=Needs.CUSTOMERS, writes=True)
def remind_groupmsg_send(call: Call) -> Row:
    """At most three times in 24 hours."""
    send = _send(call)
    if send["cancelled_at"]:
        raise ApiError(41093)
    if sum(1 for at in send["reminds"] if at > call.now - DAY_S) >= 3:
        raise ApiError(41094)
    call.host.commit("send_reminded", msgid=send["msgid"])
    call.effect = {"reminded": send["msgid"]}
    return {}


@endpoint("externalcontact/cancel_groupmsg_send", needs=Needs.CUSTOMERS, writes=True)
def cancel_groupmsg_send(call: Call) -> Row:
    """Stops what members have not confirmed yet."""
    send = _send(call)
    if send["cancelled_at"]:
        raise ApiError(41093)
    call.host.commit("send_cancelled", msgid=send["msgid"])
    call.effect = {"cancelled": send["msgid"]}
    return {}
