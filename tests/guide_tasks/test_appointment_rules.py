"""Appointments: TA is reminded the day before, thanked after; what is over needs no reminder."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.appointments import services as appointments
from apps.core import clock
from apps.guide_tasks import services
from apps.guide_tasks.models import ExcuseReason, NotIssued, State, TaskRule, TaskTarget
from apps.guide_tasks.selectors.contexts import target_context
from apps.guide_tasks.services import rules
from apps.members import services as members
from apps.members.models import Interaction
from apps.outreach import scripts
from apps.outreach.models import GuideNotice
from tests.factories.appointments import at_hour, make_appointment
from tests.factories.tasks import deliver, guide_of, make_team, members_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]
DAY = timedelta(days=1)


@pytest.fixture
def people(moment, store):
    return members_of(make_team(moment, guides=1, friends=4, store=store))


@pytest.fixture
def standing(moment, people):
    services.ensure_default_rules(now=moment - timedelta(days=60))


def book(member, starts_at, booked_at):
    return make_appointment(member, guide_of(member), booked_at, starts_at=starts_at)


def of_rule(key):
    return TaskTarget.objects.filter(push__rule__key=key).order_by("pk")


def found(key):
    return set(of_rule(key).values_list("member_id", flat=True))


def test_the_day_before_the_guide_reminds_until_the_hour_itself(moment, standing, people):
    tomorrow = at_hour(moment, 15)
    row = book(people[0], tomorrow, moment - DAY)
    book(people[1], at_hour(moment, 15, days=2), moment - DAY)  # its day has not come
    book(people[2], tomorrow, moment)  # booked on that very day

    assert services.run_rules(now=moment).appointments == 1
    assert services.run_rules(now=moment).appointments == 0

    target = of_rule("appointment").get()
    assert (target.member, target.guide) == (people[0], guide_of(people[0]))
    assert target.due_at == row.starts_at
    assert "15:00" in target.why
    assert GuideNotice.objects.filter(guide=target.guide).count() == 1
    services.run_rules(now=moment + DAY)
    assert found("appointment") == {people[0].pk, people[1].pk}


def test_a_reminder_is_no_marketing_and_stops_where_nobody_is_to_write(moment, standing, people):
    tomorrow = at_hour(moment, 11)
    for person in people[:2]:
        book(person, tomorrow, moment - DAY)
        members.withdraw_consent(
            member_id=person.pk, purpose="wecom_marketing", now=moment - DAY, channel="t"
        )
    members.stop_contact(member_id=people[1].pk, source="t", now=moment - DAY, actor=SYSTEM)

    services.run_rules(now=moment)

    assert found("appointment") == {people[0].pk}
    assert NotIssued.objects.get(member=people[1]).reason == "stopped"


def test_what_was_called_off_needs_no_reminder_and_what_was_said_stays(moment, standing, people):
    rows = [book(person, at_hour(moment, 15), moment - DAY) for person in people[:3]]
    services.run_rules(now=moment)
    deliver(of_rule("appointment").get(member=people[1]), moment)
    for row in rows[:2]:
        appointments.cancel_by_customer(appointment_id=row.pk, now=moment)

    services.run_rules(now=moment + timedelta(minutes=5))

    states = dict(of_rule("appointment").values_list("member_id", "state"))
    assert states == {
        people[0].pk: State.NOT_APPLICABLE,
        people[1].pk: State.DONE,
        people[2].pk: State.OPEN,
    }
    excused = of_rule("appointment").get(member=people[0])
    assert excused.excuse_reason == ExcuseReason.APPOINTMENT_OVER


def test_who_came_is_thanked_the_next_day_unless_somebody_wrote(moment, standing, people):
    today = at_hour(moment, 11, days=0)
    rows = [book(person, today, moment - DAY) for person in people]
    came = today + timedelta(hours=1)
    for row in rows[:2]:
        appointments.keep(appointment_id=row.pk, actor=SYSTEM, now=came)
    appointments.miss(appointment_id=rows[2].pk, reason="busy", actor=SYSTEM, now=came)
    members.record_interaction(
        member_id=people[1].pk,
        guide_id=guide_of(people[1]).pk,
        kind=Interaction.Kind.MESSAGE,
        occurred_at=came + timedelta(hours=1),
        source="test:after",
    )

    assert services.run_daily_rules(now=moment).made["thanks"] == 0
    made = services.run_daily_rules(now=moment + DAY).made

    assert made["thanks"] == 1
    assert found("thanks") == {people[0].pk}
    # the visit of that day asks for nothing more
    assert not of_rule("revisit").exists()


def test_head_office_moves_the_days_and_switches_it_off(moment, standing, people):
    book(people[0], at_hour(moment, 15, days=3), moment - DAY)
    rule = TaskRule.objects.get(key="appointment")
    rules.change_rule(rule_id=rule.pk, actor=SYSTEM, now=moment, lead_days=3)
    assert services.run_rules(now=moment).appointments == 1

    rules.change_rule(rule_id=rule.pk, actor=SYSTEM, now=moment, is_active=False)
    book(people[1], at_hour(moment, 15, days=3), moment - DAY)
    assert services.run_rules(now=moment).appointments == 0


def test_the_script_names_the_appointments_own_time(moment, standing, people):
    """However many days before a chain reminds."""
    TaskRule.objects.filter(key="appointment").update(lead_days=3)
    row = book(people[0], at_hour(moment, 15, days=3), moment - DAY)
    book(people[0], at_hour(moment, 15, days=9), moment - DAY)  # a later one is not meant
    services.run_rules(now=moment)

    target = of_rule("appointment").get()
    words = scripts.render(target.push.body, target_context(target, moment))

    day = row.starts_at.astimezone(clock.chain_tz())
    assert f"{day.month}月{day.day}日 15:00等您到店" in words
    assert "约好的时间等您到店" in scripts.render(target.push.body, {})
