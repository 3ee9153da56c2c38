"""Coupons about to end make work in time, once for each last day, and none once they are used."""

from datetime import timedelta

import pytest

from apps.guide_tasks import services
from apps.guide_tasks.models import Grade, State, TaskRule
from apps.guide_tasks.services import rules
from apps.loyalty.models import CouponIssue
from apps.members.models import Member
from tests.factories.coupons import give, make_coupon, tell_points
from tests.factories.tasks import buy, deliver, make_team
from tests.guide_tasks.test_rule_triggers import by_rule, found, look, set_rule

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def team(moment, store):
    ((guide, found),) = make_team(moment, guides=1, friends=5, store=store)
    services.ensure_default_rules(now=moment - timedelta(days=60))
    return guide, found


@pytest.fixture
def people(team):
    return team[1]


@pytest.fixture
def gets(moment, team):
    """Give a member a coupon whose last day is so many days ahead."""

    def given(member, ends, *, now=moment, **fields):
        day = moment.date() + timedelta(days=ends)
        return give(make_coupon(now, ends_on=day, **fields), member, now, guide=team[0])

    return given


def use(member, store, now):
    order = buy(member, store, now)
    CouponIssue.objects.filter(member=member).update(order_id=order, used_at=now)


def test_what_ends_within_the_lead_makes_work_once_until_its_day(moment, people, gets):
    gets(people[0], 5, name="生日券")
    gets(people[1], 3)
    gets(people[1], 5)
    gets(people[2], 6)

    first, second = look(moment), look(moment)

    assert (first["coupons"], second) == (2, {})
    assert found("coupons") == {people[0].pk, people[1].pk}
    one, several = (by_rule("coupons").get(member=member) for member in people[:2])
    day = moment.date() + timedelta(days=5)
    assert one.cause == f"coupons:member:{people[0].pk}:{day}"
    assert one.due_at.astimezone(moment.tzinfo).date() == day
    assert one.why == f"「生日券」{day.month}-{day.day:02d} 到期"
    assert several.why.startswith("2 张券即将到期，最早 ")
    assert several.due_at.astimezone(moment.tzinfo).date() == moment.date() + timedelta(days=3)


def test_no_word_of_what_was_used_or_taken_back_or_can_be_told_no_more(moment, store, people, gets):
    gets(people[0], 2)
    use(people[0], store, moment)
    gets(people[1], 2)
    CouponIssue.objects.filter(member=people[1]).update(withdrawn_at=moment)
    gets(people[2], 0)
    evening = moment.replace(hour=21, minute=30)

    assert look(evening)["coupons"] == 0
    TaskRule.objects.update(looked_on=None)
    assert look(moment)["coupons"] == 1
    assert found("coupons") == {people[2].pk}


def test_another_last_day_is_another_occasion_and_the_same_never_again(moment, people, gets):
    gets(people[0], 2)
    set_rule("coupons", skip_days=0)
    assert look(moment)["coupons"] == 1
    deliver(by_rule("coupons").get(), moment)

    assert look(moment + timedelta(days=1))["coupons"] == 0
    gets(people[0], 14)
    assert look(moment + timedelta(days=10))["coupons"] == 1
    assert by_rule("coupons").count() == 2


def test_what_head_office_sets_is_what_counts(moment, people, gets):
    gets(people[0], 9)
    set_rule("coupons", lead_days=10, required_grade=Grade.INITIATED)

    assert look(moment)["coupons"] == 1
    assert by_rule("coupons").get().push.required_grade == Grade.INITIATED
    with pytest.raises(rules.settings.BadRule):
        set_rule("coupons", lead_days=31)


@pytest.mark.parametrize(("skip_days", "made"), [(7, 0), (3, 1)])
def test_who_was_written_to_lately_is_left_in_peace(moment, people, gets, skip_days, made):
    set_rule("coupons", skip_days=skip_days)
    gets(people[0], 2)
    assert look(moment)["coupons"] == 1
    deliver(by_rule("coupons").get(), moment)
    gets(people[0], 8)

    assert look(moment + timedelta(days=4))["coupons"] == made


def test_coupons_that_are_used_end_the_work_and_what_is_begun_stays(moment, store, people, gets):
    for member in people[:2]:
        gets(member, 4)
    gets(people[2], 4)
    gets(people[2], 4)
    look(moment)
    deliver(by_rule("coupons").get(member=people[1]), moment)
    later = moment + timedelta(hours=2)
    for member in people[:2]:
        use(member, store, later)
    half = CouponIssue.objects.filter(member=people[2]).first()
    CouponIssue.objects.filter(pk=half.pk).update(withdrawn_at=later)

    run = services.run_rules(now=later)

    states = dict(by_rule("coupons").values_list("member_id", "state"))
    assert [states[member.pk] for member in people[:3]] == ["not_applicable", "done", "open"]
    excused = by_rule("coupons").get(member=people[0])
    assert excused.excuse_reason == "coupons_used"
    assert excused.excuse_sentence == "TA 的这些券已经用掉或收回"
    assert (run.excused, services.run_rules(now=later).excused) == (1, 0)


def test_a_coupon_that_ends_a_day_later_does_not_keep_the_work_open(moment, store, people, gets):
    gets(people[0], 4)
    look(moment)
    use(people[0], store, moment + timedelta(hours=1))
    gets(people[0], 5)

    assert services.run_rules(now=moment + timedelta(hours=2)).excused == 1


def test_who_bought_before_anybody_wrote_is_excused(moment, store, people, gets):
    gets(people[0], 4)
    look(moment)
    order = buy(people[0], store, moment + timedelta(hours=2))

    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=2))

    assert by_rule("coupons").get().excuse_reason == "bought_without_contact"


def test_two_numbers_of_one_person_are_one_occasion(moment, people, gets):
    gets(people[0], 4)
    Member.objects.filter(pk=people[0].pk).update(survivor_id=people[1].pk)
    gets(people[1], 4)

    assert look(moment)["coupons"] == 1
    assert found("coupons") == {people[1].pk}


def test_points_and_coupons_that_end_together_are_one_word(moment, people, gets):
    gets(people[0], 4)
    tell_points(people[0], 900, now=moment, ends=4)

    made = look(moment)

    assert (made["points"], made["coupons"]) == (1, 0)


def test_the_look_costs_the_same_queries_for_many(
    moment, store, people, gets, django_assert_max_num_queries
):
    gets(people[0], 3)
    with django_assert_max_num_queries(1_000) as few:
        look(moment)
    TaskRule.objects.update(looked_on=None)
    for guide_people in make_team(moment, guides=3, friends=4, store=store):
        for member in guide_people[1]:
            gets(member, 3)

    with django_assert_max_num_queries(len(few.captured_queries)):
        made = look(moment)

    assert made["coupons"] == 9  # three guides with their three a day
    assert set(by_rule("coupons").values_list("state", "contact_grade")) == {
        (State.OPEN, Grade.NONE)
    }
