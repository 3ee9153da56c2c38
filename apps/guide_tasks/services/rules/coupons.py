"""Coupons about to end: a word in time, once for a member and a last day."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import TruncDate

from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import ExcuseReason, Grade, State, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import issuing, targets
from apps.guide_tasks.services.rules.base import Finds
from apps.guide_tasks.wording import why_patterns
from apps.loyalty.models import CouponIssue

# what ends first names the occasion; what ends soon after it is said in the same breath
_SELECT = """
SELECT ending.person, 'coupons:member:' || ending.person || ':' || ending.first, NULL::bigint,
    CASE WHEN ending.count = 1
         THEN format(%s, ending.coupon_name, to_char(ending.first, 'FMMM-DD'))
         ELSE format(%s, ending.count, to_char(ending.first, 'FMMM-DD')) END,
    %s::timestamptz, (ending.first + %s::time) AT TIME ZONE %s
FROM (
    SELECT usable.person, min(usable.last_day) AS first, count(*) AS count,
        min(usable.coupon_name) AS coupon_name
    FROM ({usable}) AS usable
    GROUP BY usable.person
) AS ending
"""
_DAY = timedelta(days=1)
# open work older than that has expired
_LONGEST = timedelta(days=60)


def find(rule: TaskRule, now: datetime) -> Finds:
    """Whose coupons end within the lead, while there is an hour left to write; the work ends with
    their day."""
    soon = clock.day_bounds(clock.business_day(now) + timedelta(days=rule.lead_days))[1]
    usable = (
        CouponIssue.objects.usable(at=issuing.end_of_day(now, 0))
        .filter(expires_at__lte=soon)
        .order_by()
        .values(
            person=F("member__survivor_id"),
            coupon_name=F("coupon__name"),
            last_day=TruncDate(
                F("expires_at") - timedelta(microseconds=1), tzinfo=clock.chain_tz()
            ),
        )
    )
    sql, params = usable.query.sql_with_params()
    why = why_patterns()
    given = [why["coupon"], why["coupons"], now, hours.CONTACT_UNTIL, str(clock.chain_tz())]
    return Finds(_SELECT.format(usable=sql), [*given, *params], gentle=True)


@transaction.atomic
def excuse_used(*, now: datetime) -> int:
    """Nobody need be reminded of coupons that were used; who was written to already stays as it
    is."""
    since = clock.business_day(now) - _LONGEST
    pushes = TaskPush.objects.filter(kind=TaskPush.Kind.COUPONS, rule_on__gte=since)
    if not pushes.exists():
        return 0
    # the work is due on the evening of the day that named it, the coupon ends that night
    left = CouponIssue.objects.usable(at=now).filter(
        member__survivor_id=OuterRef("member__survivor_id"),
        expires_at__lte=OuterRef("due_at") + _DAY,
    )
    untouched = TaskTarget.objects.filter(
        push__in=pushes, state=State.OPEN, contact_grade=Grade.NONE, due_at__gt=now
    )
    which = untouched.filter(~Exists(left))
    return len(targets.excuse_set(which=which, reason=ExcuseReason.COUPONS_USED, at=now))
