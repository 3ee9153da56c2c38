"""已自行购买 holds only as long as something of the purchase is left."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import services
from apps.guide_tasks.models import State, TargetMove
from apps.members import services as members
from tests.factories.tasks import buy, hand_out, make_team, members_of, target_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def bought(moment, store):
    """A target whose customer bought T1 before anybody wrote."""
    (member,) = members_of(make_team(moment, friends=1, store=store))
    target = target_of(hand_out([member], moment), member)
    note(buy(member, store, moment + timedelta(hours=1), number="T1"), moment)
    target.refresh_from_db()
    assert target.excuse_reason == "bought_without_contact"
    return target


def note(order_id, now):
    services.record_purchases(order_ids=[order_id], now=now)


def give_back(target, store, at):
    note(buy(target.member, store, at, original="T1"), at)
    target.refresh_from_db()


def test_after_a_full_return_the_target_is_open_again_with_its_history(moment, bought, store):
    give_back(bought, store, moment + timedelta(hours=5))

    assert (bought.state, bought.excuse_reason, bought.excuse_sentence) == (State.OPEN, "", "")
    assert bought.purchased_at is None
    last = TargetMove.objects.filter(target=bought).order_by("-pk").first()
    assert (last.from_state, last.to_state, last.reason) == ("not_applicable", "open", "returned")


def test_too_late_it_stays_as_it_is(moment, bought, store):
    give_back(bought, store, bought.due_at + timedelta(hours=1))

    assert bought.state == State.NOT_APPLICABLE


def test_a_second_purchase_that_stands_keeps_it_excused(moment, bought, store):
    note(buy(bought.member, store, moment + timedelta(hours=2)), moment)

    give_back(bought, store, moment + timedelta(hours=5))

    assert bought.state == State.NOT_APPLICABLE
    assert bought.purchased_at == moment + timedelta(hours=2)


def test_who_asked_to_be_left_alone_meanwhile_stays_excused(moment, bought, store):
    members.stop_contact(member_id=bought.member_id, source="test", now=moment, actor=SYSTEM)

    give_back(bought, store, moment + timedelta(hours=5))

    assert bought.state == State.NOT_APPLICABLE


def test_bought_again_after_the_return_it_is_excused_again(moment, bought, store):
    give_back(bought, store, moment + timedelta(hours=5))

    note(buy(bought.member, store, moment + timedelta(hours=6)), moment)

    bought.refresh_from_db()
    assert bought.excuse_reason == "bought_without_contact"
