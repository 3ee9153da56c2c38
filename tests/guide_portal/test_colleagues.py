"""今天已有同事联系过 is said before the tap: on the card, in the task, on the customer's page."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.guide_portal.cards import colleague_words
from apps.guide_portal.tasks import task_page
from apps.guide_portal.texts import refusal_words
from apps.guide_portal.today import today_of
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import note_chat_opened
from apps.members.models import Interaction
from apps.outreach.models import Dispatch
from tests.factories.colleagues import shared_member
from tests.factories.tasks import guide_actor, hand_out, make_team, members_of, target_of
from tests.guide_portal.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def contacted(fixed_clock, settings):
    """The second guide's target, after the first has opened a chat with the same customer."""
    first, second = shared_member(fixed_clock, settings)
    begin(first, fixed_clock)
    return second


def begin(target, now):
    note_chat_opened(target=target, actor=guide_actor(target.guide, now), now=now, client_id="chat")


def page(target, name, *args):
    return signed_in(target.guide).get(reverse(f"guide_portal:{name}", args=args)).content.decode()


def test_the_card_says_it_before_the_tap(contacted, fixed_clock):
    assert colleague_words(fixed_clock, now=fixed_clock) in page(contacted, "today")


def test_the_task_says_it_in_the_customers_row(contacted, fixed_clock):
    words = colleague_words(fixed_clock, now=fixed_clock)

    assert words in page(contacted, "task", contacted.task_id)


def test_the_customers_page_says_since_when_and_from_when_on(contacted, fixed_clock):
    words = refusal_words(contacted, now=fixed_clock)

    assert words in page(contacted, "target", contacted.pk)
    assert words.startswith(colleague_words(fixed_clock, now=fixed_clock))
    assert "3月19日 10:00" in words


def test_the_first_guides_own_pages_say_nothing(fixed_clock, settings):
    first, _second = shared_member(fixed_clock, settings)
    begin(first, fixed_clock)

    words = colleague_words(fixed_clock, now=fixed_clock)
    assert words not in page(first, "today")
    assert words not in page(first, "target", first.pk)


def test_a_tap_all_the_same_is_refused_and_nothing_is_left(contacted, act):
    phone = signed_in(contacted.guide)

    answer = phone.post(
        reverse("guide_portal:send_target", args=[contacted.pk]), act(text="你好，新靴到了")
    )

    assert answer.status_code == 409
    assert "你好，新靴到了" in answer.content.decode()
    assert not Dispatch.objects.exists()


def test_care_may_go_out_and_still_says_so(fixed_clock, settings):
    first, care = shared_member(fixed_clock, settings, kind=TaskPush.Kind.CARE)
    begin(first, fixed_clock)

    assert refusal_words(care, now=fixed_clock) == ""
    assert colleague_words(fixed_clock, now=fixed_clock) in page(care, "target", care.pk)


def test_a_message_that_waits_for_its_hour_and_yesterdays_have_words_of_their_own(fixed_clock):
    later, before = fixed_clock + timedelta(hours=3), fixed_clock - timedelta(hours=20)

    words = {colleague_words(at, now=fixed_clock) for at in (later, fixed_clock, before)}

    assert len(words) == 3


def test_knowing_it_costs_the_list_one_query_at_any_size(fixed_clock):
    for friends in (1, 5):
        team = make_team(fixed_clock, guides=1, friends=friends)
        hand_out(members_of(team), fixed_clock)
        with CaptureQueriesContext(connection) as asked:
            signed_in(team[0][0]).get(reverse("guide_portal:today"))

        ledger = [one for one in asked.captured_queries if "members_interaction" in one["sql"]]
        assert len(ledger) == 1


def test_send_to_all_counts_only_those_it_would_reach(fixed_clock, settings):
    settings.CONTACT_ONE_PLAN = False
    ((guide, people), (colleague, _none)) = make_team(fixed_clock, guides=2, friends=3)
    push = hand_out(people, fixed_clock)
    Interaction.objects.create(
        member=people[0],
        guide=colleague,
        kind="chat_opened",
        occurred_at=fixed_clock,
        source="chat",
    )
    task = target_of(push, people[0]).task

    found = task_page(task=task, way="all", now=fixed_clock)

    assert [len(found.rows), len(found.todo)] == [3, 2]
    assert people[0].pk not in {card.person.pk for card in found.todo}
    actor = guide_actor(guide, fixed_clock)
    assert today_of(guide_id=guide.pk, actor=actor, now=fixed_clock).day.shortcut.count == 2
