"""Reads of cases: the list, and what a case was seen by."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, Max, OuterRef, QuerySet

from apps.accounts.actor import Actor
from apps.guide_tasks.models import Grade, TaskTarget
from apps.handovers.selectors import lost_friendships
from apps.members.models import FollowRelation, Member
from apps.members.selectors import masked_name
from apps.profiles.models import MemberProfile
from apps.risks.models import RiskCase, Signal
from apps.risks.querysets import OPEN

LISTED = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """A customer a case was seen by: `at` the guide deleted TA or the last contact was proven;
    `since` they had been friends; `is_back` friends again; last order of the chain, if any."""

    public_id: str
    name: str
    at: datetime
    since: datetime | None
    is_back: bool
    last_order_on: date | None


def cases(*, actor: Actor, undecided: bool = True) -> QuerySet[RiskCase]:
    """Those to be decided, or those decided; the newest first."""
    rows = RiskCase.objects.visible_to(actor).select_related("guide", "store")
    rows = rows.filter(state__in=OPEN) if undecided else rows.exclude(state__in=OPEN)
    return rows.order_by("-found_at", "-pk")


def evidence_of(case: RiskCase) -> list[Seen]:
    """The customers behind the figures, masked, the latest first, at most 200; three queries."""
    look = _deleted if case.signal == Signal.DELETES else _contacted
    found = look(case.guide_id, case.since, case.until)
    members = Member.objects.in_bulk([member_id for member_id, *_rest in found])
    persons = Member.objects.in_bulk({one.survivor_id for one in members.values()})
    orders = dict(MemberProfile.objects.filter(pk__in=persons).values_list("pk", "last_order_on"))
    seen = []
    for member_id, at, friends_since, is_back in found:
        person = persons[members[member_id].survivor_id]
        seen.append(
            Seen(
                public_id=str(person.public_id),
                name=masked_name(person),
                at=at,
                since=friends_since,
                is_back=is_back,
                last_order_on=orders.get(person.pk),
            )
        )
    return seen


_Found = list[tuple[int, datetime, datetime | None, bool]]


def _deleted(guide_id: int, since: datetime, until: datetime) -> _Found:
    again = FollowRelation.objects.current().filter(
        guide_id=OuterRef("guide_id"), external_userid=OuterRef("external_userid")
    )
    rows = lost_friendships(since=since, until=until).filter(
        guide_id=guide_id, ended_by=FollowRelation.EndedBy.GUIDE
    )
    found = rows.annotate(is_back=Exists(again)).order_by("-until")
    return [
        (member_id, ended, began, is_back)
        for member_id, ended, began, is_back in found.values_list(
            "member_id", "until", "since", "is_back"
        )[:LISTED]
        if ended is not None
    ]


def _contacted(guide_id: int, since: datetime, until: datetime) -> _Found:
    rows = (
        TaskTarget.objects.filter(
            guide_id=guide_id,
            contacted_at__gte=since,
            contacted_at__lte=until,
            contact_grade__gte=Grade.DELIVERED,
        )
        .order_by()
        .values("member_id")
        .annotate(at=Max("contacted_at"))
        .order_by("-at")
    )
    return [(row["member_id"], row["at"], None, False) for row in rows[:LISTED]]
