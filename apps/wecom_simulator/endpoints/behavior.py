"""「联系客户统计」: each member's chats of whole days, there from the next morning on."""

from datetime import datetime, timedelta
from typing import Any

from ..actions import CHINA
from ..errors import ApiError
from ..world import Row, World
from .base import Call, Needs, descendants, endpoint, number, texts

MOST_IDS = 100
MOST_DAYS = 30
OLDEST_DAYS = 180
COUNTS = (
    "new_apply_cnt",
    "new_contact_cnt",
    "chat_cnt",
    "message_cnt",
    "negative_feedback_cnt",
)


def day_of(at: float) -> str:
    return f"{datetime.fromtimestamp(at, CHINA):%Y-%m-%d}"


def _midnight(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, CHINA).replace(hour=0, minute=0, second=0, microsecond=0)


@endpoint("externalcontact/get_user_behavior_data", needs=Needs.CUSTOMERS)
def get_user_behavior_data(call: Call) -> Row:
    """Several ids are added up. A day is answered from the morning after it, at an hour that
    `/sim/switches` sets; times are floored to midnight, both ends in."""
    userids = texts(call.body, "userid", most=MOST_IDS)
    parties = call.body.get("partyid") or []
    if not isinstance(parties, list) or len(parties) > MOST_IDS or not (userids or parties):
        raise ApiError(40058)
    first = _midnight(number(call.body, "start_time", 0))
    last = _midnight(number(call.body, "end_time", 0))
    now = datetime.fromtimestamp(call.now, CHINA)
    if not first <= last < first + timedelta(days=MOST_DAYS):
        raise ApiError(40058)
    if first < now - timedelta(days=OLDEST_DAYS + 1):
        raise ApiError(40058)
    people = {call.user(userid)["userid"] for userid in userids} | _of_departments(call, parties)
    found = _count(call.world, people)
    rows = []
    day = first
    while day <= last:
        if _is_out(call.world, day, now):
            rows.append(_row(call.world, found, people, day))
        day += timedelta(days=1)
    return {"behavior_data": rows}


def _of_departments(call: Call, parties: list[Any]) -> set[str]:
    inside: set[str] = set()
    for party in parties:
        if str(party) not in call.world.departments:
            raise ApiError(60123)
        inside.update(descendants(call.world, str(party)))
    visible = call.visible_users()
    return {
        user["userid"]
        for user in call.world.users.values()
        if user["userid"] in visible and inside & {str(one) for one in user["department"]}
    }


def _is_out(world: World, day: datetime, now: datetime) -> bool:
    hour = world.switches.get("behavior_from_hour", 8)
    return now >= day + timedelta(days=1, hours=hour)


def _row(world: World, found: dict[str, Row], people: set[str], day: datetime) -> Row:
    name = f"{day:%Y-%m-%d}"
    counted = dict(found.get(name, {}))
    for userid in people:
        counted = _together(counted, world.behavior.get(f"{userid}:{name}", {}))
    row: Row = {"stat_time": int(day.timestamp()), **{key: counted.get(key, 0) for key in COUNTS}}
    # as WeCom: no share and no time on a day on which no customer began a chat
    for key in ("reply_percentage", "avg_reply_time"):
        if counted.get(key) is not None:
            row[key] = counted[key]
    return row


def _together(counted: Row, more: Row) -> Row:
    """Counts add up; a share or a time that was told replaces the one counted."""
    result = dict(counted)
    for key, value in more.items():
        result[key] = result.get(key, 0) + value if key in COUNTS else value
    return result


def _count(world: World, people: set[str]) -> dict[str, Row]:
    """Day → figures of these members together. Mass sends are no chats: only what is typed or put
    into the chat counts."""
    found: dict[str, Row] = {}
    begun: dict[tuple[str, str, str], list[float]] = {}
    chats: set[tuple[str, str, str]] = set()

    def of(day: str) -> Row:
        return found.setdefault(day, dict.fromkeys(COUNTS, 0))

    for external_userid, messages in world.messages.items():
        for message in messages:
            userid = message["userid"]
            if userid not in people or message["via"] == "mass_send" or message.get("refused"):
                continue
            key = (userid, external_userid, day_of(message["at"]))
            if message["from"] == userid:
                of(key[2])["message_cnt"] += 1
                if key not in chats:
                    chats.add(key)
                    of(key[2])["chat_cnt"] += 1
                if key in begun and len(begun[key]) == 1:
                    begun[key].append(message["at"])
            elif key not in begun and key not in chats:
                begun[key] = [message["at"]]
    _answered(found, begun)
    _friends(world, people, of)
    return found


def _answered(found: dict[str, Row], begun: dict[tuple[str, str, str], list[float]]) -> None:
    """Of the chats customers began, the share answered the same day, and the minutes until then."""
    by_day: dict[str, list[list[float]]] = {}
    for (_userid, _external, day), times in begun.items():
        by_day.setdefault(day, []).append(times)
    for day, rows in by_day.items():
        row = found.setdefault(day, dict.fromkeys(COUNTS, 0))
        waits = [times[1] - times[0] for times in rows if len(times) == 2]
        row["reply_percentage"] = round(100 * len(waits) / len(rows), 2)
        if waits:
            row["avg_reply_time"] = round(sum(waits) / len(waits) / 60)


def _friends(world: World, people: set[str], of: Any) -> None:
    for userid in people:
        for follow in world.customers_of.get(userid, {}).values():
            of(day_of(follow["createtime"]))["new_contact_cnt"] += 1
            gone = follow.get("deleted_by_customer_at")
            if gone:
                of(day_of(gone))["negative_feedback_cnt"] += 1
