"""Points about to end: a word in time, once for a member and a last day."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import TruncDate

from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import ExcuseReason, Grade, State, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import issuing, targets
from apps.guide_tasks.services.rules.base import Finds
from apps.guide_tasks.wording import why_patterns
from apps.loyalty.models import PointsLot

# what ends first names the occasion; what ends soon after it is said in the same breath
_SELECT = """
SELECT ending.member_id, 'points:member:' || ending.member_id || ':' || ending.first, NULL::bigint,
    format(%s, ending.points, to_char(ending.first, 'FMMM-DD')), %s::timestamptz,
    greatest((ending.first + %s::time) AT TIME ZONE %s, %s)
FROM (
    SELECT person.survivor_id AS member_id, min(lot.expires_on) AS first, sum(lot.points) AS points
    FROM loyalty_pointslot AS lot JOIN members_member AS person ON person.id = lot.member_id
    WHERE lot.expires_on BETWEEN %s AND %s
    GROUP BY person.survivor_id
) AS ending
WHERE ending.points >= %s
"""
# open work older than that has expired
_LONGEST = timedelta(days=60)


def find(rule: TaskRule, now: datetime) -> Finds:
    """Whose points end within the lead, if they are worth a word; the work ends with their day."""
    today = clock.business_day(now)
    params = [
        why_patterns()["points"],
        now,
        hours.CONTACT_UNTIL,
        str(clock.chain_tz()),
        issuing.end_of_day(now, 0),
        today,
        today + timedelta(days=rule.lead_days),
        rule.least_points,
    ]
    return Finds(_SELECT, params, gentle=True)


@transaction.atomic
def excuse_used(*, now: datetime) -> int:
    """Nobody need be reminded of points that were used; who was written to already stays as it
    is."""
    today = clock.business_day(now)
    pushes = TaskPush.objects.filter(kind=TaskPush.Kind.POINTS, rule_on__gte=today - _LONGEST)
    if not pushes.exists():
        return 0
    # the work is due on the day that named it
    last_day = TruncDate("due_at", tzinfo=clock.chain_tz())
    left = PointsLot.objects.filter(
        member__survivor_id=OuterRef("member__survivor_id"),
        expires_on__gte=today,
        expires_on__lte=OuterRef("last_day"),
    )
    untouched = TaskTarget.objects.filter(
        push__in=pushes, state=State.OPEN, contact_grade=Grade.NONE, due_at__gt=now
    )
    which = untouched.alias(last_day=last_day).filter(~Exists(left))
    return len(targets.excuse_set(which=which, reason=ExcuseReason.POINTS_USED, at=now))
