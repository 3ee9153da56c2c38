"""群发 on the phone: confirm, put off, send one of one's own."""

from collections import Counter
from datetime import datetime, timedelta

from ..host import Host, new_id
from ..world import Row, World
from .base import CHINA, ActionError, require_user

NOT_YET, SENT, NOT_FRIEND, OVER_LIMIT = 0, 1, 2, 3


def confirm_send(host: Host, data: Row) -> Row:
    """The member confirms on the phone; only now do customers receive anything."""
    with host.transaction() as world:
        userid, send = _own_send(world, data)
        result = _group_result if send["chat_type"] == "group" else _result
        results = {
            ident: result(host, ident, userid)
            for ident, row in send["receivers"].items()
            if row["userid"] == userid
        }
        host.commit("send_confirmed", msgid=send["msgid"], userid=userid, results=results)
        return {"msgid": send["msgid"], "results": results}


def ignore_send(host: Host, data: Row) -> Row:
    """The member says not now; WeCom tells nobody."""
    with host.transaction() as world:
        userid, send = _own_send(world, data)
        host.commit("send_ignored", msgid=send["msgid"], userid=userid)
        return {"msgid": send["msgid"]}


def _own_send(world: World, data: Row) -> tuple[str, Row]:
    userid = require_user(world, data.get("userid"))["userid"]
    send = world.sends.get(str(data.get("msgid")))
    if send is None or userid not in send["tasks"]:
        raise ActionError("This member has no such mass send.")
    if send["cancelled_at"]:
        raise ActionError("This mass send was cancelled.")
    if send["tasks"][userid]["status"] == 2:
        raise ActionError("This mass send is confirmed already.")
    return userid, send


def _result(host: Host, external_userid: str, userid: str) -> int:
    world = host.world
    follow = world.follows.get(external_userid, {}).get(userid)
    if follow is None or follow["deleted_by_customer_at"]:
        return NOT_FRIEND
    return OVER_LIMIT if over_cap(world, external_userid, host.now()) else SENT


def _group_result(host: Host, chat_id: str, userid: str) -> int:
    """A group takes it from its owner only, as often as its members would."""
    group = host.world.groups.get(chat_id)
    if group is None or group["dismissed_at"] or group["owner"] != userid:
        return NOT_FRIEND
    return OVER_LIMIT if over_cap(host.world, chat_id, host.now()) else SENT


def over_cap(world: World, external_userid: str, now: float) -> bool:
    """Has this customer had all the mass sends a month (week, day) allows, of everybody's?"""
    today = datetime.fromtimestamp(now, CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    month = today.replace(day=1)
    days = ((month + timedelta(days=32)).replace(day=1) - month).days
    switches = world.switches
    caps = (
        (month, days if switches["month_cap"] is None else switches["month_cap"]),
        (today - timedelta(days=today.weekday()), switches["week_cap"]),
        (today, switches["day_cap"]),
    )
    times = world.received.get(external_userid, [])
    return any(
        cap is not None and sum(1 for at in times if at >= since.timestamp()) >= cap
        for since, cap in caps
    )


def sends_of(world: World, userid: str | None) -> list[Row]:
    """Mass sends with everything known about them; of one member or of all."""
    msgids = list(world.sends) if userid is None else world.sends_of.get(userid, [])
    return [send_row(world.sends[msgid]) for msgid in msgids]


def send_row(send: Row) -> Row:
    counts = Counter(row["status"] for row in send["receivers"].values())
    hidden = ("tasks", "receivers", "app")
    return {
        **{name: value for name, value in send.items() if name not in hidden},
        "creator": send.get("creator", ""),
        "tasks": [{"userid": userid, **task} for userid, task in send["tasks"].items()],
        "receivers": [{"external_userid": i, **row} for i, row in send["receivers"].items()],
        "counts": {
            "not_yet": counts[NOT_YET], "sent": counts[SENT], "not_friend": counts[NOT_FRIEND],
            "over_limit": counts[OVER_LIMIT],
        },
    }  # fmt: skip


def is_pending(send: Row, userid: str) -> bool:
    task = send["tasks"][userid]
    return task["status"] == 0 and not send["cancelled_at"]


def create_personal_send(host: Host, userid: str, data: Row) -> Row:
    """A page hands the member's own mass send to the helper, where it waits like any other:
    {externalUserIds or chatIds, text, attachments}."""
    with host.transaction() as world:
        require_user(world, userid)
        to_groups = "chatIds" in data
        receivers = _groups(world, userid, data) if to_groups else _friends(world, userid, data)
        if not receivers:
            raise ActionError("no group to send to" if to_groups else "no customer to send to")
        send = {
            "msgid": new_id("msg", 15), "chat_type": "group" if to_groups else "single",
            "create_type": 1, "creator": userid, "create_time": host.now(),
            "text": str((data.get("text") or {}).get("content", "")),
            "attachments": data.get("attachments") or [], "cancelled_at": None, "reminds": [],
            "app": "", "asked_sender": userid,
            "tasks": {userid: {"status": 0, "send_time": None, "ignored": False}},
            "receivers": {
                ident: {"userid": userid, "status": 0, "send_time": None} for ident in receivers
            },
        }  # fmt: skip
        host.commit("send", send=send)
        return {"msgid": send["msgid"]}


def _friends(world: World, userid: str, data: Row) -> list[str]:
    wanted = data.get("externalUserIds") or []
    return [ident for ident in wanted if userid in world.follows.get(ident, {})]


def _groups(world: World, userid: str, data: Row) -> list[str]:
    """Living groups of the member's own."""
    mine = {row["chat_id"] for row in world.groups_of(userid) if not row["dismissed_at"]}
    return [ident for ident in data.get("chatIds") or [] if ident in mine]
