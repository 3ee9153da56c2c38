"""今日 in its order: reminded, overdue, value at risk × chance; each card says why it is there."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from apps.guide_tasks.models import GuideTask, TaskTarget
from apps.profiles.models import MemberProfile, ReturnShare
from apps.profiles.selectors import CHANCES_KEY
from tests.factories.outreach import make_friends
from tests.factories.tasks import hand_out
from tests.guide_portal.conftest import open_shop, signed_in

TODAY = "/g/"


def order_of(page):
    return [card.target_id for card in page.context["today"].first]


def worth(target, *, fen, away, now):
    """What stands at stake with a customer, and since when TA stays away."""
    TaskTarget.objects.filter(pk=target.pk).update(value_fen=fen)
    day = (now - timedelta(days=away)).date()
    MemberProfile.objects.update_or_create(
        member_id=target.member_id,
        defaults={"first_order_on": day, "last_order_on": day, "order_days": 1, "order_count": 1},
    )


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.delete(CHANCES_KEY)
    yield
    cache.delete(CHANCES_KEY)


@pytest.fixture
def shares(db, fixed_clock):
    """Of those away for a short time half come back, of those away for long one in fifty."""
    for away, returned in ((31, 5_000), (541, 200)):
        ReturnShare.objects.create(
            away_from=away, orders_from=1, members=10_000, returned=returned, counted_on=fixed_clock
        )


def test_a_smaller_value_that_is_likely_goes_before_a_larger_that_is_not(shop, phone, shares):
    likely, far, third = shop.targets
    worth(likely, fen=100_000, away=40, now=shop.now)
    worth(far, fen=900_000, away=700, now=shop.now)
    worth(third, fen=10_000, away=40, now=shop.now)

    assert order_of(phone.get(TODAY)) == [likely.pk, far.pk, third.pk]


def test_without_a_count_of_chances_value_alone_decides(shop, phone):
    likely, far, third = shop.targets
    worth(likely, fen=100_000, away=40, now=shop.now)
    worth(far, fen=900_000, away=700, now=shop.now)
    worth(third, fen=10_000, away=40, now=shop.now)

    assert order_of(phone.get(TODAY)) == [far.pk, likely.pk, third.pk]


def test_reminded_goes_before_overdue_and_overdue_before_value(shop, phone):
    rich, late, _third = shop.targets
    worth(rich, fen=900_000, away=40, now=shop.now)
    TaskTarget.objects.filter(pk=late.pk).update(
        opens_at=shop.now - timedelta(days=2), due_at=shop.now - timedelta(minutes=1)
    )
    ((asked, _external),) = make_friends(shop.guide, 1)
    reminded = hand_out([asked], shop.now, title="第二批")
    GuideTask.objects.filter(push=reminded).update(chased_at=shop.now)

    shown = phone.get(TODAY).context["today"].first

    people = [card.person.pk for card in shown]
    assert people[:3] == [asked.pk, late.member_id, rich.member_id]
    assert shown[0].due.icon == "bell"


def test_a_card_says_three_facts_and_what_made_it(shop, phone, shares):
    worth(shop.targets[0], fen=328_600, away=40, now=shop.now)

    page = phone.get(TODAY)
    card = next(one for one in page.context["today"].first if one.target_id == shop.targets[0].pk)

    assert card.why
    assert "3,286" in card.worth
    assert "50" in card.worth
    assert shop.push.title in card.subtitle
    assert card.subtitle != shop.push.title


def test_not_applicable_takes_the_card_off_at_once(shop, phone, act):
    gone = shop.targets[0]
    before = phone.get(TODAY).context["today"]
    phone.post(
        reverse("guide_portal:not_suitable", args=[gone.pk]), act(reason="moved_away"), follow=True
    )
    after = phone.get(TODAY).context["today"]

    assert gone.pk not in [card.target_id for card in after.first]
    assert (before.total, after.total) == (3, 2)


def test_eight_stand_on_the_page_and_the_rest_one_tap_away(db, fixed_clock):
    shop = open_shop(fixed_clock, friends=11, guides=1)

    today = signed_in(shop.guide).get(TODAY).context["today"]

    assert (len(today.first), len(today.later)) == (8, 3)
