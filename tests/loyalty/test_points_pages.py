"""Points on the guide's card and list, on the customer's own page, and at head office."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from apps.loyalty.models import PointsEntry, PointsTerms
from apps.loyalty.selectors import points_of
from apps.loyalty.services import give_welcome_points
from apps.member_portal.selectors import MOVEMENTS
from apps.members.models import Member
from tests.factories.coupons import give, make_coupon, tell_points
from tests.factories.facts import make_member
from tests.factories.tasks import make_team
from tests.guide_portal.conftest import signed_in
from tests.loyalty.test_giving_pages import customers_browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(fixed_clock):
    return make_team(fixed_clock, guides=2, friends=3)


@pytest.fixture
def member(team):
    return team[0][1][0]


@pytest.fixture
def phone(team):
    return signed_in(team[0][0])


def text(client, name, *args):
    return client.get(reverse(name, args=args)).content.decode()


def test_the_card_says_how_many_what_they_are_worth_and_what_ends(phone, member, fixed_clock):
    assert 'id="points"' not in text(phone, "guide_portal:customer", member.public_id)
    tell_points(member, 1_000, now=fixed_clock, days=9, ends=200)
    tell_points(member, 250, now=fixed_clock, days=8, ends=3)

    page = text(phone, "guide_portal:customer", member.public_id)

    assert "1,250 积分 · 可抵 ¥12.50 · 其中 250 积分 7 天内到期" in page
    PointsTerms.objects.create(fen_per_point=0)
    assert "可抵" not in text(phone, "guide_portal:customer", member.public_id)


def test_the_list_of_what_ends_soon_has_points_of_ones_own_customers(phone, team, fixed_clock):
    (guide, members), (_colleague, others) = team
    tell_points(members[0], 300, now=fixed_clock, ends=5)
    tell_points(members[0], 80, now=fixed_clock, ends=2)
    tell_points(members[1], 70, now=fixed_clock, ends=8)
    tell_points(others[0], 60, now=fixed_clock, ends=2)
    give(make_coupon(valid_days=3), members[2], fixed_clock, guide=guide)

    page = text(phone, "guide_portal:expiring_coupons")

    assert page.count("row in") == 2
    assert page.index("380 积分") < page.index("满 300 减 50")  # in two days, and in three
    assert "还剩 2 天" in page
    assert "70 积分" not in page
    assert "60 积分" not in page


def test_its_owner_sees_the_sum_what_ends_and_how_they_came(member, fixed_clock):
    mine = customers_browser(member)
    assert "还没有积分" in text(mine, "member_portal:points")
    tell_points(member, 500, now=fixed_clock, days=40, ends=-30)
    tell_points(member, 400, now=fixed_clock, days=20, ends=100)
    tell_points(member, -150, now=fixed_clock, days=35)

    page = text(mine, "member_portal:points")

    assert reverse("member_portal:points") in text(mine, "member_portal:home")
    assert '<p class="num">400</p>' in page
    assert "到店可抵 ¥4" in page
    # what was over without a word of the till has a line of its own
    assert [word in page for word in ("+500", "-150", "-350", "+400")] == [True] * 4


def test_whatever_is_older_stands_on_a_page_of_its_own(member, fixed_clock):
    mine, address = customers_browser(member), reverse("member_portal:points")
    for number in range(MOVEMENTS + 2):
        tell_points(member, 1_000 + number, now=fixed_clock, days=number)

    def shown(page):
        text = mine.get(address, {"page": page}).content.decode()
        return [number for number in range(MOVEMENTS + 2) if f"+{1_000 + number:,}" in text], text

    latest, text = shown("")
    assert latest == list(range(MOVEMENTS))
    assert ('?page=2"' in text, '?page=0"' in text) == (True, False)
    oldest, text = shown("2")
    assert oldest == [MOVEMENTS, MOVEMENTS + 1]
    assert ('?page=1"' in text, '?page=3"' in text) == (True, False)
    # a page that is not there: the nearest that is
    assert [shown(page)[0] for page in ("99", "x")] == [oldest, latest]


def test_where_no_points_exist_there_is_no_way_to_them(member, fixed_clock):
    mine, address = customers_browser(member), reverse("member_portal:points")
    assert address not in text(mine, "member_portal:home")

    PointsTerms.objects.create(welcome_points=100)
    assert address in text(mine, "member_portal:home")
    PointsTerms.objects.update(welcome_points=0)
    tell_points(make_member(), 5, now=fixed_clock)

    assert address in text(mine, "member_portal:home")


def test_whose_number_nobody_checked_sees_no_points(member, fixed_clock):
    tell_points(member, 500, now=fixed_clock)

    answer = customers_browser(member, proof="").get(reverse("member_portal:points"))

    assert answer.status_code == 302


def test_more_points_ask_no_more_on_any_page(phone, team, member, admin_client, fixed_clock):
    mine = customers_browser(member)
    pages = [(phone, reverse("guide_portal:customer", args=[member.public_id])),
             (phone, reverse("guide_portal:expiring_coupons")),
             (mine, reverse("member_portal:points")),
             (admin_client, reverse("hq:member", args=[member.public_id])),
             (admin_client, reverse("admin:loyalty_pointsentry_changelist"))]  # fmt: skip

    def asked():
        counts = []
        for client, address in pages:
            client.get(address)
            with CaptureQueriesContext(connection) as found:
                assert client.get(address).status_code == 200
            counts.append(len(found))
        return counts

    tell_points(member, 10, now=fixed_clock, ends=2)
    few = asked()
    for number in range(6):
        for one in team[0][1]:
            tell_points(one, 10 + number, now=fixed_clock, ends=number)

    assert asked() == few
    assert max(few[:3]) <= 12


def test_head_office_reads_the_sum_on_the_members_page(admin_client, member, fixed_clock):
    tell_points(member, 1_234, now=fixed_clock)

    assert "1,234 积分 · 可抵 ¥12.34" in text(admin_client, "hq:member", member.public_id)


def test_joining_gives_points_once_for_a_person(fixed_clock):
    member, twin = make_member(), make_member()
    assert give_welcome_points(member_id=member.pk, store_id=None, now=fixed_clock) == 0
    PointsTerms.objects.create(welcome_points=100, welcome_days=30)
    Member.objects.filter(pk=twin.pk).update(survivor_id=member.pk)

    given = [give_welcome_points(member_id=pk, store_id=None, now=fixed_clock)
             for pk in (member.pk, member.pk, twin.pk)]  # fmt: skip

    assert given == [100, 0, 0]
    assert PointsEntry.objects.count() == 1
    last = clock.business_day(fixed_clock) + timedelta(days=30)
    assert points_of(member_ids=[member.pk], now=fixed_clock).endings == ((last, 100),)


def test_without_coupons_or_points_a_page_has_one_title_all_the_same(member):
    mine = customers_browser(member)

    for name in ("member_portal:coupons", "member_portal:points"):
        assert text(mine, name).count("<h1") == 1
