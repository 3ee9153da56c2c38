"""A complaint was closed: the next day somebody asks how it is now. While one is open, rules leave
TA alone."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.cases.models import ServiceCase
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import ExcuseReason, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds
from apps.guide_tasks.services.targets import excuse_set
from apps.guide_tasks.wording import why_patterns

# a case that was opened again and closed once more is another occasion
_SELECT = """
SELECT person.survivor_id,
    'case_closed:service_case:' || c.id || ':' || extract(epoch FROM c.closed_at)::bigint,
    NULL::bigint, format(%s, to_char(closed.day, 'FMMM-DD')), opens.at,
    greatest(opens.at + %s * interval '1 day' + (%s::time - %s::time), %s)
FROM cases_servicecase AS c
JOIN members_member AS person ON person.id = c.member_id
CROSS JOIN LATERAL (SELECT (c.closed_at AT TIME ZONE %s)::date AS day) AS closed
CROSS JOIN LATERAL (SELECT
    ((closed.day + %s)::date + %s::time) AT TIME ZONE %s AS at) AS opens
WHERE c.state = 'closed' AND c.result <> 'erased' AND c.closed_at >= %s AND c.closed_at >= %s
"""
# a first word to somebody new is none of it
_KEPT = (TaskPush.Kind.GREETING, TaskPush.Kind.WELCOME)


def find(rule: TaskRule, now: datetime) -> Finds:
    """Complaints closed lately, each closing once."""
    zone = str(clock.chain_tz())
    params = [
        why_patterns()["case_closed"],
        rule.due_days,
        hours.CONTACT_UNTIL,
        hours.CONTACT_FROM,
        issuing.end_of_day(now, 0),
        zone,
        rule.delay_days,
        hours.CONTACT_FROM,
        zone,
        rule.active_since,
        now - RECENT - timedelta(days=rule.delay_days),
    ]
    return Finds(_SELECT, params, marketing=False)


@transaction.atomic
def excuse_complained(*, now: datetime) -> int:
    """What rules made for who has an open complaint is nobody's task any more; what head office or
    a manager handed out stays, with the complaint on the card beside it."""
    complained = ServiceCase.objects.undecided().values("member__survivor_id")
    if not complained.exists():
        return 0
    which = (
        TaskTarget.objects.open()
        .filter(push__rule__isnull=False, member__survivor_id__in=complained)
        .exclude(push__kind__in=_KEPT)
    )
    return len(excuse_set(which=which, reason=ExcuseReason.COMPLAINT, at=now))
