"""Birthdays ahead, of those who agreed to be greeted."""

import calendar
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef

from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import ExcuseReason, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import issuing, targets
from apps.guide_tasks.services.rules.base import Finds
from apps.guide_tasks.wording import why_patterns
from apps.members.models import Consent

_SELECT = """
SELECT m.id, 'birthday:member:' || m.id || ':' || to_char(soon.on_day, 'YYYY'), NULL::bigint,
    CASE soon.on_day - %s::date WHEN 0 THEN %s
        ELSE format(%s, to_char(soon.on_day, 'FMMM-DD'), soon.on_day - %s::date) END,
    %s::timestamptz, greatest(soon.ends_at, %s::timestamptz)
FROM unnest(%s::int[], %s::int[], %s::date[], %s::timestamptz[])
    AS soon (month, day, on_day, ends_at)
JOIN members_member AS m ON m.birth_month = soon.month AND m.birth_day = soon.day
WHERE m.survivor_id = m.id AND m.erased_at IS NULL
  AND EXISTS (
      SELECT 1 FROM members_member AS person
      JOIN members_consent AS consent ON consent.member_id = person.id
          AND consent.purpose = 'birthday' AND consent.withdrawn_at IS NULL
      WHERE person.survivor_id = m.id)
"""
# open work older than that has expired
_LONGEST = timedelta(days=60)


def _days_ahead(today: date, lead_days: int) -> list[tuple[int, int, date]]:
    """Month and day of every birthday from today on; 29 February is kept on the 28th if need
    be."""
    found = []
    for ahead in range(lead_days + 1):
        day = today + timedelta(days=ahead)
        found.append((day.month, day.day, day))
        if (day.month, day.day) == (2, 28) and not calendar.isleap(day.year):
            found.append((2, 29, day))
    return found


def find(rule: TaskRule, now: datetime) -> Finds:
    """Birthdays within the lead; the work ends with the day itself."""
    why, today, zone = why_patterns(), clock.business_day(now), clock.chain_tz()
    months, days, dates = zip(*_days_ahead(today, rule.lead_days), strict=True)
    ends = [datetime.combine(day, hours.CONTACT_UNTIL, tzinfo=zone) for day in dates]
    params = [
        today,
        why["birthday_today"],
        why["birthday"],
        today,
        now,
        issuing.end_of_day(now, 0),
        list(months),
        list(days),
        list(dates),
        ends,
    ]
    return Finds(_SELECT, params, gentle=True)


def excuse_withdrawn(*, now: datetime) -> int:
    """Open birthday work of who took the consent back since is 不适用."""
    day = clock.business_day(now) - _LONGEST
    if not TaskPush.objects.filter(kind=TaskPush.Kind.BIRTHDAY, rule_on__gte=day).exists():
        return 0
    standing = Consent.objects.valid().filter(
        purpose=Consent.Purpose.BIRTHDAY, member__survivor_id=OuterRef("member__survivor_id")
    )
    which = TaskTarget.objects.open().filter(
        ~Exists(standing), push__kind=TaskPush.Kind.BIRTHDAY, push__rule_on__gte=day
    )
    return len(targets.excuse_set(which=which, reason=ExcuseReason.CONSENT_GONE, at=now))
