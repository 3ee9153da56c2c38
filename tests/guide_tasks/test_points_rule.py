"""Points about to end make work in time, once for each last day, and none once they are used."""

from datetime import timedelta

import pytest

from apps.guide_tasks import services
from apps.guide_tasks.models import Grade, State, TaskRule
from apps.guide_tasks.services import rules
from apps.members.models import Member
from tests.factories.coupons import tell_points
from tests.factories.tasks import buy, deliver, make_team
from tests.guide_tasks.test_rule_triggers import by_rule, found, look, set_rule

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def people(moment, store):
    ((_guide, found),) = make_team(moment, guides=1, friends=5, store=store)
    services.ensure_default_rules(now=moment - timedelta(days=60))
    return found


def test_what_ends_within_the_lead_and_is_worth_a_word_makes_work_once(moment, people):
    tell_points(people[0], 400, now=moment, ends=5)
    tell_points(people[0], 300, now=moment, ends=3)
    tell_points(people[1], 499, now=moment, ends=2)
    tell_points(people[2], 900, now=moment, ends=6)
    tell_points(people[3], 900, now=moment)

    first, second = look(moment), look(moment)

    assert (first["points"], second) == (1, {})
    target = by_rule("points").get()
    day = moment.date() + timedelta(days=3)
    assert target.member == people[0]
    assert target.cause == f"points:member:{people[0].pk}:{day}"
    assert target.due_at.astimezone(moment.tzinfo).date() == day
    assert "700 积分" in target.why
    assert f"{day.month}-{day.day}" in target.why


def test_another_last_day_is_another_occasion_and_the_same_never_again(moment, people):
    tell_points(people[0], 900, now=moment, ends=2)
    set_rule("points", skip_days=0)
    assert look(moment)["points"] == 1
    deliver(by_rule("points").get(), moment)

    assert look(moment + timedelta(days=1))["points"] == 0
    tell_points(people[0], 900, now=moment, ends=14)
    assert look(moment + timedelta(days=10))["points"] == 1
    assert by_rule("points").count() == 2


def test_what_head_office_sets_is_what_counts(moment, people):
    tell_points(people[0], 40, now=moment, ends=9)
    set_rule("points", lead_days=10, least_points=40)

    assert look(moment)["points"] == 1
    with pytest.raises(rules.settings.BadRule):
        set_rule("points", least_points=0)


def test_points_that_are_used_end_the_work_and_what_is_begun_stays(moment, people):
    for member in people[:3]:
        tell_points(member, 900, now=moment, ends=4)
    look(moment)
    deliver(by_rule("points").get(member=people[1]), moment)
    later = moment + timedelta(hours=2)
    tell_points(people[0], -900, now=later)
    tell_points(people[1], -900, now=later)
    tell_points(people[2], -300, now=later)

    run = services.run_rules(now=later)

    states = dict(by_rule("points").values_list("member_id", "state"))
    assert [states[member.pk] for member in people[:3]] == ["not_applicable", "done", "open"]
    assert by_rule("points").get(member=people[0]).excuse_sentence == "TA 已经用掉了积分"
    assert (run.excused, services.run_rules(now=later).excused) == (1, 0)


def test_points_that_end_later_do_not_keep_the_work_open(moment, people):
    tell_points(people[0], 900, now=moment, ends=4)
    tell_points(people[0], 500, now=moment, ends=90)
    look(moment)
    tell_points(people[0], -900, now=moment + timedelta(hours=1))

    assert services.run_rules(now=moment + timedelta(hours=2)).excused == 1


def test_who_bought_before_anybody_wrote_is_excused(moment, store, people):
    tell_points(people[0], 900, now=moment, ends=4)
    look(moment)
    order = buy(people[0], store, moment + timedelta(hours=2))

    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=2))

    assert by_rule("points").get().excuse_reason == "bought_without_contact"


def test_two_numbers_of_one_person_are_one_occasion(moment, people):
    tell_points(people[0], 300, now=moment, ends=4)
    Member.objects.filter(pk=people[0].pk).update(survivor_id=people[1].pk)
    tell_points(people[1], 300, now=moment, ends=4)

    assert look(moment)["points"] == 1
    assert found("points") == {people[1].pk}


def test_the_look_costs_the_same_queries_for_many(
    moment, store, people, django_assert_max_num_queries
):
    tell_points(people[0], 900, now=moment, ends=3)
    with django_assert_max_num_queries(1_000) as few:
        look(moment)
    TaskRule.objects.update(looked_on=None)
    for guide_people in make_team(moment, guides=3, friends=4, store=store):
        for member in guide_people[1]:
            tell_points(member, 900, now=moment, ends=3)

    with django_assert_max_num_queries(len(few.captured_queries)):
        made = look(moment)

    assert made["points"] == 9  # three guides with their three a day
    assert set(by_rule("points").values_list("state", "contact_grade")) == {
        (State.OPEN, Grade.NONE)
    }
