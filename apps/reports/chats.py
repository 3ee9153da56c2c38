"""What WeCom counted of guides' chats over the last days: single chats, told a day later."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Avg, DateField, Max, QuerySet, Sum

from apps.accounts.actor import Actor
from apps.accounts.scoped import Scoped
from apps.core import clock
from apps.core.compiled import Place
from apps.stores.models import Posting
from apps.wecom_sync.models import GuideDay

DAYS = 7
_COUNTS: dict[str, Any] = {
    "until": Max("day"),
    "requests": Sum("friend_requests", default=0),
    "messages": Sum("messages", default=0),
    "chats": Sum("chats", default=0),
    "replied": Avg("reply_percent"),
    "first_reply": Avg("first_reply_minutes"),
}


@dataclass(frozen=True, slots=True)
class ChatDays:
    """The days WeCom has counted of the last seven, `until` the latest of them.

    `chats`: chats in which the guide wrote, added up by day. WeCom gives 员工回复率 and
    平均首次回复时长 of a day without the number they are of, so these two are means of the days
    that have one.
    """

    until: date
    requests: int
    messages: int
    chats: int
    replied: float | None
    first_reply: float | None


@dataclass(frozen=True, slots=True)
class GuideChats:
    guide_id: int
    name: str
    found: ChatDays


def chats_of(*, guide_id: int, now: datetime) -> ChatDays | None:
    """This guide's days in one query; None as long as WeCom has counted none of them."""
    found = _counted(now).filter(guide_id=guide_id).aggregate(**_COUNTS)
    return _days(found) if found["until"] else None


def _team(actor: Actor) -> QuerySet[Any, Any]:
    here = Posting.objects.by_store_on(_TODAY).filter(store_id__in=actor.store_ids)
    return (
        GuideDay.objects.counted()
        .filter(guide_id__in=here.values("guide_id"), store_id__in=actor.store_ids)
        .filter(day__gte=Place("since", DateField()), day__lt=_TODAY)
        .order_by("guide__name", "guide_id")
        .values_list("guide_id", "guide__name")
        .annotate(**_COUNTS)
    )


_TODAY: Any = Place("today", DateField())
_TEAM = Scoped(_team)


def chats_of_team(*, actor: Actor, now: datetime) -> list[GuideChats]:
    """Who works today in the actor's stores, by name, and what they did there: days in the store
    they came from are not theirs to read. One query for any number of guides."""
    today = clock.business_day(now)
    rows = _TEAM.tuples(actor, today=today, since=today - timedelta(days=DAYS))
    return [
        GuideChats(guide_id, name, _days(dict(zip(_COUNTS, counts, strict=True))))
        for guide_id, name, *counts in rows
    ]


def _counted(now: datetime) -> QuerySet[GuideDay]:
    today = clock.business_day(now)
    return GuideDay.objects.counted().filter(day__gte=today - timedelta(days=DAYS), day__lt=today)


def _days(row: dict[str, Any]) -> ChatDays:
    return ChatDays(
        until=row["until"],
        requests=row["requests"],
        messages=row["messages"],
        chats=row["chats"],
        replied=None if row["replied"] is None else float(row["replied"]),
        first_reply=None if row["first_reply"] is None else float(row["first_reply"]),
    )
