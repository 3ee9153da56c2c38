"""The nightly look for signals: one statement a signal, whatever the number of guides."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q

from apps.core import clock
from apps.guide_tasks.models import Grade
from apps.handovers.selectors import lost_friendships
from apps.members.models import FollowRelation
from apps.risks.models import RiskCase, RiskRule, Signal
from apps.risks.querysets import OPEN
from apps.risks.services.rules import ensure_rules
from apps.stores.models import Posting

# Guides of stores whose till names sellers, with enough proven contacts and not one sale of their
# own; how many of those customers bought all the same. A merged person counts once.
_NO_SALES = """
WITH told AS (
    SELECT target.guide_id, target.store_id, person.survivor_id AS member_id
    FROM guide_tasks_tasktarget AS target
    JOIN members_member AS person ON person.id = target.member_id
    WHERE target.contacted_at >= %(since)s AND target.contact_grade >= %(delivered)s
    GROUP BY 1, 2, 3
), many AS (
    SELECT guide_id, count(DISTINCT member_id) AS contacts, array_agg(DISTINCT store_id) AS stores
    FROM told GROUP BY guide_id HAVING count(DISTINCT member_id) >= %(least)s
), sold AS (
    SELECT selling_guide_id, store_id FROM orders_order
    WHERE business_on >= %(first)s AND kind = 'sale' AND selling_guide_id IS NOT NULL
    GROUP BY 1, 2
)
SELECT many.guide_id, many.contacts, (
    SELECT count(*) FROM profiles_memberprofile AS profile
    WHERE profile.last_order_on >= %(first)s
        AND profile.member_id IN (SELECT member_id FROM told WHERE told.guide_id = many.guide_id)
)
FROM many
WHERE NOT EXISTS (SELECT 1 FROM sold WHERE sold.selling_guide_id = many.guide_id)
    AND EXISTS (SELECT 1 FROM sold WHERE sold.store_id = ANY(many.stores))
"""


@transaction.atomic
def find_cases(*, now: datetime) -> int:
    """Open a case for each guide whose figures reach a rule's limit, and bring open ones up to
    date. What somebody has decided does not count again. Safe to repeat; returns the new ones."""
    rules = ensure_rules()
    opened = 0
    for signal, look in _LOOKS.items():
        rule = rules[signal]
        if rule.is_active:
            first = clock.business_day(now) - timedelta(days=rule.days - 1)
            opened += _keep(signal, look(rule, first, now), now)
    return opened


class _Found(NamedTuple):
    since: datetime
    figures: dict[str, int]


def _decided(signal: str, since: datetime) -> dict[int, datetime]:
    """The last decision about each guide, where it lies in the time looked at."""
    rows = RiskCase.objects.filter(signal=signal, decided_at__gte=since).order_by()
    return dict(rows.values_list("guide_id").annotate(at=Max("decided_at")))


def _deletes(rule: RiskRule, first: date, now: datetime) -> dict[int, _Found]:
    """Customers whom the guide deleted since the last decision, and those of them who are that
    guide's friend again."""
    since = clock.day_start(first)
    decided = _decided(Signal.DELETES, since)
    again = FollowRelation.objects.current().filter(
        guide_id=OuterRef("guide_id"), external_userid=OuterRef("external_userid")
    )
    cleared = Q()
    for guide_id, at in decided.items():
        cleared |= Q(guide_id=guide_id, until__lt=at)
    rows = (
        lost_friendships(since=since, until=now)
        .filter(ended_by=FollowRelation.EndedBy.GUIDE)
        .exclude(cleared)
        .annotate(is_back=Exists(again))
        .order_by()
        .values("guide_id")
        .annotate(
            customers=Count("external_userid", distinct=True),
            back=Count("external_userid", distinct=True, filter=Q(is_back=True)),
        )
        .filter(customers__gte=rule.least)
    )
    return {
        row["guide_id"]: _Found(
            decided.get(row["guide_id"], since),
            {"customers": row["customers"], "back": row["back"]},
        )
        for row in rows
    }


def _no_sales(rule: RiskRule, first: date, now: datetime) -> dict[int, _Found]:
    """Guides with contacts and no sale; after a decision only once all of its days are over."""
    since = clock.day_start(first)
    given: dict[str, Any] = {
        "since": since, "first": first, "least": rule.least, "delivered": Grade.DELIVERED,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_NO_SALES, given)
        found = cursor.fetchall()
    decided = _decided(Signal.NO_SALES, since)
    return {
        guide_id: _Found(since, {"contacts": contacts, "bought": bought})
        for guide_id, contacts, bought in found
        if guide_id not in decided
    }


_LOOKS = {Signal.DELETES: _deletes, Signal.NO_SALES: _no_sales}


def _keep(signal: str, found: dict[int, _Found], now: datetime) -> int:
    """Write down what was found; the store is the one the guide works in when a case begins."""
    today = clock.business_day(now)
    stores = dict(
        Posting.objects.filter(guide_id__in=found, during__contains=today)
        .order_by("guide_id", F("pk").desc())
        .values_list("guide_id", "store_id")
    )
    open_now = RiskCase.objects.filter(signal=signal, state__in=OPEN, guide_id__in=found)
    known = list(open_now.select_for_update())
    for case in known:
        case.since, case.figures = found[case.guide_id]
        case.until = now
    RiskCase.objects.bulk_update(known, ["since", "until", "figures"])
    unknown = [
        RiskCase(
            signal=signal, guide_id=guide_id, store_id=stores.get(guide_id), since=one.since,
            until=now, figures=one.figures, found_at=now,
        )
        for guide_id, one in found.items()
        if guide_id not in {case.guide_id for case in known}
    ]  # fmt: skip
    RiskCase.objects.bulk_create(unknown, ignore_conflicts=True)
    return len(unknown)
