"""预约: what can be booked, what becomes of it, and who has it when its guide is not there."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from psycopg.types.range import DateRange

from apps.appointments import services
from apps.appointments.errors import (
    AppointmentOver,
    AppointmentTaken,
    GuideAway,
    HourTaken,
    NotItsDay,
    NotPosted,
    NumberInNote,
    OutOfHours,
    ReasonMissing,
    StoreShut,
    TimeImpossible,
    TooEarly,
    TooLateToCancel,
)
from apps.appointments.models import Appointment, AppointmentMove
from apps.appointments.selectors import note_of
from apps.appointments.services import following, settling
from apps.core import clock
from apps.guide_tasks import services as guide_tasks
from apps.members import services as members
from apps.members.models import Interaction
from apps.outreach.models import GuideNotice
from apps.stores.models import Cover, DayOff, Guide, Posting, StoreDay
from apps.timeline.models import MemberEvent
from tests.factories.appointments import at_hour, make_appointment
from tests.factories.tasks import guide_actor, hand_out, make_team, members_of, target_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def now(fixed_clock):
    return fixed_clock


@pytest.fixture
def team(now):
    return make_team(now, guides=3, friends=2)


@pytest.fixture
def guide(team):
    return team[0][0]


@pytest.fixture
def member(team):
    return team[0][1][0]


def tomorrow(now):
    return clock.business_day(now) + DAY


def story(member):
    rows = MemberEvent.objects.filter(member_id=member.pk, kind__startswith="appointment.")
    return list(rows.order_by("id").values_list("kind", flat=True))


# --- booking -------------------------------------------------------------------------------------


def test_an_appointment_stands_in_the_store_where_the_guide_works_that_day(now, guide, member):
    row = make_appointment(member, guide, now, note="备好 38 码短靴")

    assert row.store == Posting.objects.get(guide=guide).store
    assert note_of(row) == "备好 38 码短靴"
    assert "短靴".encode() not in bytes(row.note_enc)
    assert story(member) == ["appointment.booked"]


def test_the_same_form_is_the_same_appointment_and_nobody_elses(now, team, member):
    (guide, _m), (colleague, theirs), *_rest = team
    client_id = uuid.uuid4()
    first = make_appointment(member, guide, now, client_id=client_id)
    assert make_appointment(member, guide, now, client_id=client_id) == first
    with pytest.raises(AppointmentTaken):
        make_appointment(theirs[0], colleague, now, client_id=client_id)
    assert story(member) == ["appointment.booked"]


def test_one_open_appointment_an_hour_for_a_customer_and_a_guide(now, guide, member):
    first = make_appointment(member, guide, now)
    with pytest.raises(HourTaken):
        make_appointment(member, guide, now, starts_at=at_hour(now, 15, 45))
    services.cancel(appointment_id=first.pk, reason="later", actor=guide_actor(guide, now), now=now)
    make_appointment(member, guide, now, starts_at=at_hour(now, 15, 45))
    make_appointment(member, guide, now, starts_at=at_hour(now, 16))


@pytest.mark.parametrize(
    ("hour", "minute", "days", "error"),
    [
        (15, 10, 1, TimeImpossible),
        (15, 0, -1, TimeImpossible),
        (15, 0, 61, TimeImpossible),
        (8, 45, 1, OutOfHours),
        (22, 0, 1, OutOfHours),
    ],
)
def test_impossible_times_are_refused(now, guide, member, hour, minute, days, error):
    with pytest.raises(error):
        make_appointment(member, guide, now, starts_at=at_hour(now, hour, minute, days=days))


def test_the_times_a_refusal_names_can_be_booked(now, guide, member):
    with pytest.raises(OutOfHours, match="21:45"):
        make_appointment(member, guide, now, starts_at=at_hour(now, 22))
    make_appointment(member, guide, now, starts_at=at_hour(now, 21, 45))


def test_a_shut_store_a_day_off_and_no_posting_are_refused_in_words(now, guide, member):
    day = tomorrow(now)
    store = Posting.objects.get(guide=guide).store
    shut = StoreDay.objects.create(store=store, day=day)
    with pytest.raises(StoreShut, match=f"{day.month}-{day.day}"):
        make_appointment(member, guide, now)
    shut.delete()
    off = DayOff.objects.create(guide=guide, day=day)
    with pytest.raises(GuideAway):
        make_appointment(member, guide, now)
    off.delete()
    Posting.objects.filter(guide=guide).update(during=DateRange(None, day))
    with pytest.raises(NotPosted):
        make_appointment(member, guide, now)


@pytest.mark.parametrize("note", ["打 138 0000 1234", "证件 31010119900307123X"])
def test_numbers_of_people_have_no_place_in_a_note(now, guide, member, note):
    with pytest.raises(NumberInNote):
        make_appointment(member, guide, now, note=note)


def test_the_database_itself_keeps_states_and_reasons_together(now, guide, member):
    row = make_appointment(member, guide, now)
    for wrong in ({"state": "kept"}, {"reason": "busy"}, {"hour_at": row.starts_at - 2 * DAY}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Appointment.objects.filter(pk=row.pk).update(**wrong)


# --- what became of it ---------------------------------------------------------------------------


def test_who_came_is_a_visit_once_and_counts_for_the_work_that_asked(now, team, guide, member):
    target = target_of(hand_out(members_of(team), now), member)
    row = make_appointment(member, guide, now)
    actor, later = guide_actor(guide, now), row.starts_at + timedelta(minutes=5)
    with pytest.raises(NotItsDay):
        services.keep(appointment_id=row.pk, actor=actor, now=now)

    visits = {services.keep(appointment_id=row.pk, actor=actor, now=later).pk for _twice in "ab"}

    (visit,) = Interaction.objects.filter(pk__in=visits, kind="visit")
    for _twice in range(2):
        guide_tasks.record_visit(
            member_id=member.pk, source=visit.source, occurred_at=visit.occurred_at
        )
    target.refresh_from_db()
    assert target.visited_at == visit.occurred_at == later
    assert target.contact_grade == 0
    assert story(member) == ["appointment.booked", "appointment.kept"]


def test_a_visit_the_guide_had_tapped_already_is_not_noted_twice(now, guide, member):
    row = make_appointment(member, guide, now)
    came = row.starts_at
    noted = members.note_visit(
        member_id=member.pk,
        guide_id=guide.pk,
        client_id=uuid.uuid4(),
        now=came - timedelta(hours=1),
        actor=guide_actor(guide, now),
    )
    kept = services.keep(appointment_id=row.pk, actor=guide_actor(guide, now), now=came)
    assert kept == noted
    assert Interaction.objects.filter(kind="visit").count() == 1


def test_a_visit_outside_the_window_of_the_work_is_none_of_its_outcome(now, team, member):
    push = hand_out(members_of(team), now)
    late = now + timedelta(days=push.campaign.window_days, hours=1)
    assert (
        guide_tasks.record_visit(member_id=member.pk, source="visit:x", occurred_at=late)
        + guide_tasks.record_visit(
            member_id=member.pk, source="visit:y", occurred_at=now - timedelta(hours=1)
        )
        == 0
    )


def test_a_result_stands_and_repeats_change_nothing(now, guide, member):
    row = make_appointment(member, guide, now)
    actor, later = guide_actor(guide, now), row.starts_at + timedelta(hours=1)
    terms = {"appointment_id": row.pk, "actor": actor}
    with pytest.raises(TooEarly):
        services.miss(**terms, reason="no_word", now=now)
    with pytest.raises(ReasonMissing):
        services.miss(**terms, reason="shop", now=later)
    for _twice in range(2):
        services.miss(**terms, reason="no_word", now=later)
    with pytest.raises(AppointmentOver):
        services.keep(**terms, now=later)
    with pytest.raises(AppointmentOver):
        services.cancel(**terms, reason="busy", now=later)

    moves = AppointmentMove.objects.filter(appointment=row).order_by("pk")
    assert [(one.from_state, one.to_state, one.reason) for one in moves] == [
        ("", "booked", ""),
        ("booked", "not_kept", "no_word"),
    ]


def test_a_customer_cancels_in_one_step_and_the_guide_hears_without_a_name(now, guide, member):
    row = make_appointment(member, guide, now)
    for _twice in range(2):
        services.cancel_by_customer(appointment_id=row.pk, now=now)
    row.refresh_from_db()
    assert (row.state, row.reason, row.settled_by) == ("cancelled", "customer", "customer")
    (card,) = GuideNotice.objects.filter(source=f"appointment:{row.pk}:cancelled")
    assert card.guide == guide
    assert member.name not in card.title + card.body

    other = make_appointment(member, guide, now, starts_at=at_hour(now, 17))
    with pytest.raises(TooLateToCancel):
        services.cancel_by_customer(appointment_id=other.pk, now=other.starts_at)


def test_what_nobody_spoke_of_is_closed_after_a_week_and_blames_nobody(now, guide, member):
    row = make_appointment(member, guide, now)
    assert services.close_unsaid(now=row.starts_at + 6 * DAY) == 0
    assert services.close_unsaid(now=row.starts_at + 8 * DAY) == 1
    assert services.close_unsaid(now=row.starts_at + 8 * DAY) == 0
    row.refresh_from_db()
    assert (row.state, row.reason, row.get_state_display()) == ("unsaid", "", "没有记录")
    assert story(member) == ["appointment.booked"]
    assert AppointmentMove.objects.filter(appointment=row, to_state="unsaid").count() == 1


# --- who has it ----------------------------------------------------------------------------------


def test_a_leavers_appointments_go_to_who_is_there_and_serves(now, team, guide, member):
    (_g, _m), (second, _theirs), (third, _others) = team
    rows = [
        make_appointment(one, guide, now, starts_at=at_hour(now, 15 + n))
        for n, one in enumerate(team[0][1])
    ]
    make_appointment(team[1][1][0], second, now)
    Guide.objects.filter(pk=guide.pk).update(status="left", left_at=now)

    assert services.follow_people(now=now) == 2
    assert services.follow_people(now=now) == 0
    guides = list(Appointment.objects.filter(pk__in=[r.pk for r in rows]).values_list("guide_id"))
    assert sorted(guides) == sorted([(third.pk,), (second.pk,)])
    cards = GuideNotice.objects.filter(source__contains=":to:")
    assert {card.guide_id for card in cards} == {second.pk, third.pk}
    assert AppointmentMove.objects.filter(from_guide=guide).count() == 2


def test_who_covers_takes_the_day_and_no_other(now, team, guide, member):
    (_g, _m), (second, _theirs), (third, _others) = team
    covered = make_appointment(member, guide, now)
    later = make_appointment(member, guide, now, starts_at=at_hour(now, 15, days=3))
    day = tomorrow(now)
    Cover.objects.create(
        store=covered.store, absent=guide, covering=third, during=DateRange(day, day + DAY)
    )
    assert services.follow_people(now=now) == 1
    covered.refresh_from_db()
    later.refresh_from_db()
    assert (covered.guide, later.guide) == (third, guide)


def test_who_has_it_back_hears_of_it_again(now, team, guide, member):
    row = make_appointment(member, guide, now)
    day = tomorrow(now)
    second, third = team[1][0], team[2][0]
    for off, taker in ((guide, second), (second, third), (third, second)):
        Appointment.objects.filter(pk=row.pk).update(guide=off)
        days = [
            DayOff.objects.create(guide=one, day=day) for one in {guide, second, third} - {taker}
        ]
        assert services.follow_people(now=now) == 1
        for one in days:
            one.delete()
    assert GuideNotice.objects.filter(source__contains=":to:", guide=second).count() == 2


def test_who_is_off_that_day_hands_it_on_and_the_rest_of_the_week_stays(now, team, guide, member):
    that_day = make_appointment(member, guide, now)
    later = make_appointment(member, guide, now, starts_at=at_hour(now, 15, days=3))
    DayOff.objects.create(guide=guide, day=tomorrow(now))
    assert services.follow_people(now=now) == 1
    that_day.refresh_from_db()
    later.refresh_from_db()
    assert that_day.guide in (team[1][0], team[2][0])
    assert later.guide == guide


def test_those_nobody_can_take_do_not_hold_up_who_comes_after(
    now, team, guide, member, monkeypatch
):
    monkeypatch.setattr(following, "PART", 2)
    stuck = [make_appointment(member, guide, now, starts_at=at_hour(now, n)) for n in (10, 12, 14)]
    store = stuck[0].store
    StoreDay.objects.create(store=store, day=tomorrow(now))
    later = make_appointment(member, guide, now, starts_at=at_hour(now, 15, days=3))
    Guide.objects.filter(pk=guide.pk).update(status="left", left_at=now)
    assert services.follow_people(now=now) == 1
    later.refresh_from_db()
    assert later.guide != guide
    assert Appointment.objects.filter(pk__in=[r.pk for r in stuck], guide=guide).count() == 3


def test_more_than_a_part_is_closed_in_one_go(now, guide, member, monkeypatch):
    monkeypatch.setattr(settling, "PART", 2)
    rows = [make_appointment(member, guide, now, starts_at=at_hour(now, n)) for n in (10, 12, 14)]
    assert services.close_unsaid(now=rows[-1].starts_at + 8 * DAY) == 3


def test_with_nobody_at_work_it_stays_where_the_manager_sees_it(now, team, guide, member):
    row = make_appointment(member, guide, now)
    StoreDay.objects.create(store=row.store, day=tomorrow(now))
    Guide.objects.filter(pk=guide.pk).update(status="left", left_at=now)
    assert services.follow_people(now=now) == 0


def test_a_look_at_which_everybody_is_there_is_one_question(
    now, team, guide, django_assert_num_queries
):
    for n, one in enumerate(team[0][1]):
        make_appointment(one, guide, now, starts_at=at_hour(now, 15 + n))
    with django_assert_num_queries(3):  # two of them marks of the transaction
        services.follow_people(now=now)


# --- cards ---------------------------------------------------------------------------------------


def test_the_morning_tells_each_guide_once_how_many_come(now, team, guide, member):
    make_appointment(member, guide, now)
    make_appointment(team[0][1][1], guide, now, starts_at=at_hour(now, 10, 30))
    morning = at_hour(now, 8, 30)
    assert services.remind_guides(now=at_hour(now, 7)) == 0
    assert services.remind_guides(now=morning) == 1
    assert services.remind_guides(now=morning + timedelta(minutes=10)) == 0
    (card,) = GuideNotice.objects.filter(source__startswith="appointments:")
    assert card.guide == guide
    assert "2" in card.body
    assert "10:30" in card.body
    assert member.name not in card.body


def test_erasing_a_person_empties_notes_and_calls_off_what_was_to_come(now, guide, member):
    row = make_appointment(member, guide, now, note="短靴")
    assert services.forget_members(member_ids=[member.pk], now=now) == 1
    row.refresh_from_db()
    assert (row.state, row.reason, note_of(row)) == ("cancelled", "erased", "")
    last = AppointmentMove.objects.filter(appointment=row).latest("pk")
    assert (last.from_state, last.to_state, last.reason) == ("booked", "cancelled", "erased")
    (card,) = GuideNotice.objects.filter(guide=guide)
    assert card.title == "有顾客取消了预约"
    assert story(member) == ["appointment.booked"]
