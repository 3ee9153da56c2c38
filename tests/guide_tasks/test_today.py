"""今日: a list with an end, one card per customer."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.guide_tasks import selectors
from tests.factories.tasks import hand_out, make_team, members_of, tap, target_of

pytestmark = [pytest.mark.django_db, pytest.mark.service]


def test_two_tasks_for_one_customer_are_one_card(settings):
    settings.CONTACT_ONE_PLAN = False
    now = clock.now()
    team = make_team(now, friends=3)
    guide, members = team[0]
    hand_out(members_of(team), now, title="first")
    later = now + timedelta(days=1)
    hand_out(members[:2], later, title="second", due_at=later + timedelta(days=2))

    today = selectors.today(guide_id=guide.pk, now=later + timedelta(minutes=1))

    assert [card.member_id for card in today.cards].count(members[0].pk) == 1
    assert (today.to_contact, today.total) == (3, 3)
    assert sorted(card.also for card in today.cards) == [0, 1, 1]
    assert selectors.badge(guide_id=guide.pk, now=later + timedelta(minutes=1)) == 3


def test_the_work_behind_a_card_comes_up_when_the_first_is_excused(settings):
    settings.CONTACT_ONE_PLAN = False
    now = clock.now()
    team = make_team(now, friends=1)
    guide, (member,) = team[0]
    first = hand_out([member], now)
    second = hand_out([member], now)
    target = target_of(first, member)
    target.state, target.excuse_reason = "not_applicable", "moved_away"
    target.save(update_fields=["state", "excuse_reason"])

    today = selectors.today(guide_id=guide.pk, now=now + timedelta(minutes=1))

    assert [card.target_id for card in today.cards] == [target_of(second, member).pk]


def test_who_has_a_message_on_its_way_is_not_offered_a_second_one(settings):
    settings.CONTACT_ONE_PLAN = False
    now = clock.now()
    team = make_team(now, friends=1)
    guide, (member,) = team[0]
    first = hand_out([member], now)
    hand_out([member], now)

    tap(target_of(first, member), now)

    today = selectors.today(guide_id=guide.pk, now=now + timedelta(minutes=1))
    assert today.cards == []
    assert [card.member_id for card in today.waiting] == [member.pk]
