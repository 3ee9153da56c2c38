"""An appointment: TA is reminded shortly before it, and thanked some days after it was kept."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from apps.appointments.models import Appointment
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import ExcuseReason, Grade, State, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import issuing
from apps.guide_tasks.services.rules.base import RECENT, Finds, friend, written_since
from apps.guide_tasks.services.targets import excuse_set
from apps.guide_tasks.wording import why_patterns

_CAUSE = "appointment:appointment:"
_AHEAD = f"""
SELECT person.survivor_id, '{_CAUSE}' || a.id, {friend("a.guide_id")},
    format(%s, to_char(due.at, 'FMMM-DD'), to_char(due.at, 'HH24:MI')), opens.at, a.starts_at
FROM appointments_appointment AS a
JOIN members_member AS person ON person.id = a.member_id
CROSS JOIN LATERAL (SELECT a.starts_at AT TIME ZONE %s AS at) AS due
CROSS JOIN LATERAL (SELECT due.at::date - %s AS day) AS remind
CROSS JOIN LATERAL (SELECT (remind.day + %s::time) AT TIME ZONE %s AS at) AS opens
WHERE a.state = 'booked' AND a.starts_at > %s AND a.starts_at < %s AND a.starts_at > opens.at
  AND a.booked_at < remind.day::timestamp AT TIME ZONE %s
"""
_KEPT = f"""
SELECT person.survivor_id, 'thanks:appointment:' || a.id, {friend("a.guide_id")},
    format(%s, to_char(a.starts_at AT TIME ZONE %s, 'FMMM-DD')), %s::timestamptz, %s::timestamptz
FROM appointments_appointment AS a
JOIN members_member AS person ON person.id = a.member_id
WHERE a.state = 'kept' AND a.starts_at >= %s AND a.starts_at < %s
  AND NOT {written_since("a.settled_at")}
"""
# open work older than that has expired
_LONGEST = timedelta(days=60)


def find_ahead(rule: TaskRule, now: datetime) -> Finds:
    """Appointments whose day of reminding has come, until their hour; what was booked on that very
    day is fresh in everybody's mind."""
    zone = str(clock.chain_tz())
    params = [
        why_patterns()["appointment"],
        zone,
        rule.lead_days,
        hours.CONTACT_FROM,
        zone,
        now,
        clock.day_start(clock.business_day(now) + timedelta(days=rule.lead_days + 1)),
        zone,
    ]
    return Finds(_AHEAD, params, marketing=False, own_guide=True)


def find_kept(rule: TaskRule, now: datetime) -> Finds:
    """Appointments kept so many days ago, after which nobody wrote."""
    last = clock.business_day(now) - timedelta(days=rule.delay_days)
    params = [
        why_patterns()["thanks"],
        str(clock.chain_tz()),
        now,
        issuing.end_of_day(now, rule.due_days),
        max(clock.day_start(last - RECENT + timedelta(days=1)), rule.active_since or now),
        clock.day_start(last + timedelta(days=1)),
    ]
    return Finds(_KEPT, params, marketing=False, gentle=True, own_guide=True)


@transaction.atomic
def excuse_over(*, now: datetime) -> int:
    """Nobody is reminded of what was called off or has taken place; who was written to already
    stays as it is."""
    day = clock.business_day(now) - _LONGEST
    pushes = TaskPush.objects.filter(kind=TaskPush.Kind.APPOINTMENT, rule_on__gte=day)
    if not pushes.exists():
        return 0
    ahead = (
        Appointment.objects.booked()
        .alias(named=Concat(Value(_CAUSE), Cast("pk", CharField())))
        .filter(member__survivor_id=OuterRef("member__survivor_id"), named=OuterRef("cause"))
    )
    untouched = TaskTarget.objects.filter(
        ~Exists(ahead), push__in=pushes, state=State.OPEN, contact_grade=Grade.NONE
    )
    return len(excuse_set(which=untouched, reason=ExcuseReason.APPOINTMENT_OVER, at=now))
