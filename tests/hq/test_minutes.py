"""The wizard's third step: minutes as a budget, and hours that would be the night."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.guide_tasks.models import TaskPush
from tests.factories.tasks import deliver, hand_out, make_team, members_of, target_of
from tests.hq.test_wizard import WHEN, step, walk


def cost_part(answer):
    return answer.context["cost"]


def test_step_three_says_what_it_costs_each_guide(operator_client, draft):
    operator_client.post(step(draft, 5), {"share": "0", "next": "1"})

    answer = operator_client.get(step(draft, 3))

    cost = cost_part(answer)
    assert (cost.guides, cost.minutes, cost.minutes_each) == (2, 12, 2)
    assert 'data-kind="cost"' in answer.content.decode()
    assert cost.most.guide in answer.content.decode()


def test_minutes_per_customer_are_kept_and_count_on_the_last_page(operator_client, draft):
    operator_client.post(step(draft, 3), {**WHEN, "minutes_per_target": "5", "next": "1"})
    draft.refresh_from_db()
    assert draft.minutes_per_target == 5

    walk(operator_client, draft)  # without the field: it stays as it was

    answer = operator_client.get(step(draft, 6))
    assert TaskPush.objects.get(pk=draft.pk).minutes_per_target == 5
    assert answer.context["counted"].minutes == cost_part(answer).minutes == 30


def test_too_much_for_a_guides_day_is_said_with_what_would_wait(operator_client, draft, settings):
    settings.GUIDE_MINUTES_PER_DAY = 1
    operator_client.post(step(draft, 5), {"share": "0", "next": "1"})  # nobody is drawn by lot

    answer = operator_client.get(step(draft, 3))

    assert cost_part(answer).over == 2
    assert "hq-note warn" in answer.content.decode()


@pytest.mark.parametrize("first", ["hand_out_from", "contact_from"])
def test_hours_that_would_be_the_night_are_refused_with_a_sentence(
    operator_client,
    draft,
    first,
):
    last = first.replace("from", "until")

    answer = operator_client.post(
        step(draft, 3), {**WHEN, first: "22:00", last: "08:00", "next": "1"}
    )

    assert answer.status_code == 200
    (sentence,) = answer.context["form"].errors[last]
    assert "22:00" in sentence
    assert sentence in answer.content.decode()


def test_the_cost_takes_the_same_queries_for_any_number_of_guides(
    operator_client,
    draft,
    fixed_clock,
):
    operator_client.get(step(draft, 3))
    seen = []
    for _time in range(2):
        with CaptureQueriesContext(connection) as asked:
            operator_client.get(step(draft, 3))
        seen.append(len(asked))
        make_team(fixed_clock, guides=4, friends=2)
        operator_client.post(step(draft, 5), {"share": "10", "next": "1"})

    assert seen[0] == seen[1]


def test_the_result_says_what_it_took(operator_client, team, fixed_clock):
    people = members_of(team)
    push = hand_out(people, fixed_clock, minutes_per_target=6)
    deliver(target_of(push, people[0]), fixed_clock)

    answer = operator_client.get(reverse("hq:push", args=[push.pk]))

    assert answer.context["minutes_spent"] == 6
    assert 'data-count="minutes_spent"' in answer.content.decode()
