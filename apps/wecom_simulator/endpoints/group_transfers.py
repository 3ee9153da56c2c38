"""Groups change hands (of leavers, and of members who are still here), and are counted."""

from collections import defaultdict
from datetime import datetime, timedelta

from ..actions.base import CHINA
from ..errors import TEXTS, ApiError
from ..world import Row
from .base import Call, Needs, endpoint, number, text, texts

DAY_S = 86400
MOST_A_DAY = 300
TWICE, WITHIN_S = 2, 90 * DAY_S
HALF_A_YEAR_S = 180 * DAY_S


@endpoint("externalcontact/groupchat/transfer", needs=Needs.CUSTOMERS, writes=True)
def transfer_groups(call: Call) -> Row:
    """Groups of an owner who has left the company."""
    return _transfer(call, kind="resigned")


@endpoint("externalcontact/groupchat/onjob_transfer", needs=Needs.CUSTOMERS, writes=True)
def transfer_groups_on_the_job(call: Call) -> Row:
    """Groups of an owner who is still here."""
    return _transfer(call, kind="onjob")


def _transfer(call: Call, *, kind: str) -> Row:
    chats = texts(call.body, "chat_id_list", most=100)
    if not chats:
        raise ApiError(40063)
    owner = call.user(text(call.body, "new_owner"), errcode=40003)["userid"]
    failed: list[Row] = []
    for chat_id in dict.fromkeys(chats):
        errcode = _refusal(call, chat_id, owner, kind)
        if errcode:
            words = TEXTS.get(errcode, "refused")
            failed.append({"chat_id": chat_id, "errcode": errcode, "errmsg": words})
            continue
        _hand_over(call, chat_id, owner, kind)
    call.effect = {"groups": [chat for chat in chats if chat not in {f["chat_id"] for f in failed}]}
    return {"failed_chat_list": failed}


def _refusal(call: Call, chat_id: str, owner: str, kind: str) -> int:
    world, group = call.world, call.world.groups.get(chat_id)
    if group is None or group["dismissed_at"]:
        return 90501
    former = group["owner"]
    if kind == "resigned" and former not in world.left_users:
        return 90500
    if kind == "onjob" and (former in world.left_users or not call.sees(former)):
        return 86003
    if former == owner:
        return 90508
    mine = [row for row in world.group_transfers if row["from"] == former]
    if sum(1 for row in mine if row["at"] > call.now - DAY_S) >= MOST_A_DAY:
        return 45009
    moved = [row for row in world.group_transfers if row["chat_id"] == chat_id]
    recent = [row for row in moved if row["kind"] == "onjob" and row["at"] > call.now - WITHIN_S]
    return 40128 if kind == "onjob" and len(recent) >= TWICE else 0


def _hand_over(call: Call, chat_id: str, owner: str, kind: str) -> None:
    group = call.world.groups[chat_id]
    former = group["owner"]
    person = {"type": 1, "join_time": int(call.now), "join_scene": 1, "invitor": former}
    joined = {} if owner in group["members"] else {owner: person}
    left = [former] if kind == "resigned" else []
    if joined or left:
        call.host.commit("group_people", chat_id=chat_id, joined=joined, left=left)
    status = 3 if kind == "resigned" else 0
    call.host.commit("group_edited", chat_id=chat_id, fields={"owner": owner, "status": status})
    row = {"chat_id": chat_id, "from": former, "to": owner, "kind": kind}
    call.host.commit("group_transferred", transfer=row)


@endpoint("externalcontact/groupchat/statistic", needs=Needs.CUSTOMERS)
def group_statistic(call: Call) -> Row:
    """By owner; only owners who have groups."""
    owners, start, end = _asked(call)
    rows: list[Row] = [
        {"owner": owner, "data": _figures(call, {owner}, start, end)} for owner in sorted(owners)
    ]
    rows = [row for row in rows if row["data"]["chat_total"]]
    offset, size = number(call.body, "offset", 0), min(number(call.body, "limit", 500), 1000)
    part = rows[offset : offset + size]
    return {"total": len(rows), "next_offset": offset + len(part), "items": part}


@endpoint("externalcontact/groupchat/statistic_group_by_day", needs=Needs.CUSTOMERS)
def group_statistic_by_day(call: Call) -> Row:
    owners, start, end = _asked(call)
    days = range(start, end + 1, DAY_S)
    return {"items": [
        {"stat_time": day, "data": _figures(call, owners, day, day)} for day in days
    ]}  # fmt: skip


def _asked(call: Call) -> tuple[set[str], int, int]:
    """Owners and whole days by Chinese time: from 180 days back to yesterday."""
    wanted = call.body.get("owner_filter")
    if not isinstance(wanted, dict):
        raise ApiError(40063)
    asked = texts(wanted, "userid_list", most=100)
    if not asked:
        raise ApiError(40063)
    start = _midnight(number(call.body, "day_begin_time", 0))
    end = _midnight(number(call.body, "day_end_time", 0) or start)
    today = _midnight(int(call.now))
    if start < today - HALF_A_YEAR_S or end < start or end >= today or end - start > 30 * DAY_S:
        raise ApiError(40058)
    return {call.user(userid)["userid"] for userid in asked}, start, end


def _midnight(at: int) -> int:
    moment = datetime.fromtimestamp(at, CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(moment.timestamp())


def _figures(call: Call, owners: set[str], first_day: int, last_day: int) -> Row:
    """New between the two days, totals at the end of the last."""
    end = last_day + int(timedelta(days=1).total_seconds())
    found: dict[str, int] = defaultdict(int)
    for group in call.world.groups.values():
        if group["owner"] not in owners or group["create_time"] >= end:
            continue
        people = [row for row in group["members"].values() if row["join_time"] < end]
        said = [row for row in group["messages"] if first_day <= row["at"] < end]
        found["chat_total"] += 1
        found["new_chat_cnt"] += group["create_time"] >= first_day
        found["chat_has_msg"] += bool(said)
        found["member_total"] += len(people)
        found["new_member_cnt"] += sum(row["join_time"] >= first_day for row in people)
        found["member_has_msg"] += len({row["from"] for row in said})
        found["msg_total"] += len(said)
    names = ("new_chat_cnt", "chat_total", "chat_has_msg", "new_member_cnt", "member_total",
             "member_has_msg", "msg_total")  # fmt: skip
    return {name: found[name] for name in names}
