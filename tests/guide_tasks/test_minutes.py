"""Guides' minutes are a budget: what a push costs, what it pushes aside, what it took."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import selectors, services
from apps.guide_tasks.models import PushForecast, TaskPush
from apps.outreach.models import GuideNotice
from apps.reports import selectors as reports
from tests.factories.tasks import (
    deliver,
    guide_actor,
    hand_out,
    make_push,
    make_team,
    members_of,
    settle,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_clock")]


def cost_of(push, now):
    services.forecast(push=push, now=now)
    loads = PushForecast.objects.get(push=push).loads
    return selectors.push_cost(push=push, loads=loads, now=now)


def test_a_push_costs_its_minutes_for_each_customer_of_each_guide(moment):
    (first, own), (second, others) = make_team(moment, guides=2, friends=3)
    push = make_push([*own, others[0]], moment, minutes_per_target=5)

    cost = cost_of(push, moment)

    assert (cost.guides, cost.minutes, cost.average) == (2, 20, 10)
    assert [(row.guide_id, row.customers, row.minutes) for row in cost.busiest] == [
        (first.pk, 3, 15),
        (second.pk, 1, 5),
    ]
    assert cost.most.store
    assert (cost.minutes_together, cost.together_per_guide) == (4, 2)


def test_the_budget_is_the_days_minutes_from_hand_out_to_due_time(moment, settings):
    settings.GUIDE_MINUTES_PER_DAY = 30
    people = members_of(make_team(moment, guides=1, friends=1))

    cost = cost_of(make_push(people, moment, due_at=moment + timedelta(days=2)), moment)

    assert (cost.days, cost.budget, cost.over) == (3, 90, 0)


def test_guides_over_their_budget_and_the_open_work_that_waits_are_counted(moment, settings):
    settings.GUIDE_MINUTES_PER_DAY = 5
    (busy, own), (_free, others) = make_team(moment, guides=2, friends=6)
    hand_out(own[:4], moment, due_at=moment + timedelta(hours=5), minutes_per_target=3)
    push = make_push(
        [*own[4:], others[0]], moment, due_at=moment + timedelta(hours=5), minutes_per_target=4
    )

    cost = cost_of(push, moment)

    # 2 × 4 minutes beside 12 of open work, in a day of 5
    assert (cost.budget, cost.over, cost.displaced) == (5, 1, 12)
    assert (cost.busiest[0].guide_id, cost.busiest[0].open_minutes) == (busy.pk, 12)


def test_what_it_costs_is_one_query_for_any_number_of_guides(moment, django_assert_num_queries):
    for guides in (1, 7):
        people = members_of(make_team(moment, guides=guides, friends=2))
        push = make_push(people, moment)
        services.forecast(push=push, now=moment)
        loads = PushForecast.objects.get(push=push).loads

        with django_assert_num_queries(1):
            cost = selectors.push_cost(push=push, loads=loads, now=moment)

        assert cost.guides == guides


def test_an_empty_push_costs_nothing(moment):
    cost = selectors.push_cost(push=TaskPush(minutes_per_target=2), loads={}, now=moment)

    assert (cost.minutes, cost.over, cost.most) == (0, 0, None)


def test_the_card_in_wecom_and_today_say_the_pushs_own_minutes(moment):
    ((guide, people),) = make_team(moment, guides=1, friends=3)
    hand_out(people, moment, minutes_per_target=7)

    assert "21" in GuideNotice.objects.get(guide=guide).body
    assert selectors.today(guide_id=guide.pk, now=moment).minutes_left == 21


def spent(push):
    funnel = reports.push_funnel(push=push)
    return selectors.minutes_spent(push=push, contacted=funnel.issued - funnel.grades["none"])


def test_minutes_spent_count_one_by_one_and_all_at_once_differently(moment):
    ((guide, people),) = make_team(moment, guides=1, friends=5)
    push = hand_out(people, moment, minutes_per_target=4)
    assert spent(push) == 0

    deliver(target_of(push, people[0]), moment)
    assert spent(push) == 4

    together = services.send_to_task(
        task=target_of(push, people[1]).task,
        actor=guide_actor(guide, moment),
        now=moment,
        client_id="all",
    )
    settle(together, "delivered", moment)
    assert spent(push) == 4 + 2


def test_the_minutes_of_a_draft_can_be_changed(moment):
    people = members_of(make_team(moment, guides=1, friends=2))
    push = make_push(people, moment)

    services.update_push(push=push, actor=SYSTEM, minutes_per_target=6)

    assert services.forecast(push=push, now=moment).minutes == 12
