"""好友来源: two codes are kept apart, each friend is counted once, what became of them is told."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.contact_codes.models import ChannelCode
from apps.members import services as members
from apps.members.models import AddWay, FollowRelation, Member
from apps.profiles.models import MemberProfile
from apps.reports.enrolments import enrolments
from apps.reports.sources import sources
from apps.stores.models import Region
from tests.factories.facts import make_phone
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import buy
from tests.guide_portal.conftest import open_shop
from tests.hq.conftest import signed_in as office_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fixed_clock):
    found = open_shop(fixed_clock)
    FollowRelation.objects.update(since=fixed_clock - timedelta(days=200))
    return found


def make_code(shop, channel, title):
    return ChannelCode.objects.create(
        corp_id=CORP,
        channel=channel,
        title=title,
        kind="guide",
        guide=shop.guide,
        client_id=uuid4(),
    )


def come(shop, count, *, code=None, way=AddWay.CODE, guide=None, since=None):
    """New friends of a guide yesterday, by that code or way."""
    friends = make_friends(guide or shop.guide, count, since=since or shop.now - timedelta(days=1))
    ids = [member.pk for member, _external in friends]
    rows = FollowRelation.objects.filter(member_id__in=ids)
    rows.update(state=code.state if code else "", add_way=way)
    return friends


def by_name(found):
    return {one.name: one for one in found.rows}


def test_two_codes_are_kept_apart_and_one_more_friend_changes_one_number_by_one(shop):
    poster, till = make_code(shop, "门店", "海报"), make_code(shop, "门店", "收银台")
    come(shop, 2, code=poster)
    come(shop, 3, code=till)
    before = sources(actor=SYSTEM, now=shop.now, days=7)
    come(shop, 1, code=poster)

    after = sources(actor=SYSTEM, now=shop.now, days=7)

    assert {name: one.adds for name, one in by_name(before).items()} == {
        "门店 · 海报": 2,
        "门店 · 收银台": 3,
    }
    assert {name: one.adds for name, one in by_name(after).items()} == {
        "门店 · 海报": 3,
        "门店 · 收银台": 3,
    }
    assert (before.total.adds, after.total.adds) == (5, 6)


def test_others_stand_by_what_wecom_says_and_a_handover_won_nobody(shop):
    come(shop, 2, way=AddWay.CARD)
    come(shop, 1, way=4711)
    come(shop, 4, way=AddWay.ASSIGNED)
    come(shop, 5, since=shop.now - timedelta(days=9))

    found = by_name(sources(actor=SYSTEM, now=shop.now, days=7))

    assert {name: one.adds for name, one in found.items()} == {"名片分享添加": 2, "成为好友": 1}
    assert not any(one.is_code for one in found.values())


def test_what_became_of_them_since(shop):
    friends = come(shop, 5)
    lost, known, joined, bought = (member for member, _external in friends[:4])
    members.end_follow(
        corp_id=CORP, guide_id=shop.guide.pk, external_userid=friends[0][1],
        at=shop.now - timedelta(hours=2), ended_by="customer",
    )  # fmt: skip
    members.start_follows(
        rows=[members.FollowRow(CORP, shop.colleague.pk, known.pk, friends[1][1],
                                shop.now - timedelta(days=100))],
        now=shop.now,
    )  # fmt: skip
    Member.objects.filter(pk=joined.pk).update(joined_at=shop.now)
    for member, day in ((bought, shop.now), (joined, shop.now - timedelta(days=30))):
        MemberProfile.objects.update_or_create(
            member_id=member.pk, defaults={"last_order_on": day.date()}
        )

    [one] = sources(actor=SYSTEM, now=shop.now, days=7).rows

    assert (one.adds, one.new, one.kept, one.joined, one.bought) == (5, 4, 4, 1, 1)
    assert lost.pk != known.pk


def test_the_page_shows_the_chain_or_one_region_and_a_region_its_own(shop):
    come(shop, 2)
    elsewhere = Region.objects.create(code="elsewhere", name="别处")
    page, office = reverse("hq:sources"), office_client(Role.HQ_OPERATOR)
    assert "新增 2 位好友" in office.get(page).content.decode()
    own = {"region": shop.store.region.code, "days": "7"}
    assert "7 天内新增 2 位好友" in office.get(page, own).content.decode()
    assert "新增 0 位好友" in office.get(page, {"region": elsewhere.code}).content.decode()
    assert "新增 0 位好友" in office_client(Role.REGION_MANAGER).get(page).content.decode()


@pytest.mark.parametrize("way", range(1, 19))
def test_every_number_wecom_documents_has_a_word_of_its_own(way):
    words = [AddWay.words(number) for number in AddWay.values]

    assert AddWay.words(way) != AddWay.words(0)
    assert len(set(words)) == len(words)


def join(shop, source, count=1, *, days=1, guide=None, store=None):
    rows = [
        members.MemberRow(
            identities=[("phone", "", make_phone())],
            joined_at=shop.now - timedelta(days=days),
            source=source,
            home_store_id=(store or shop.store).pk,
            enrolling_guide_id=guide.pk if guide else None,
        )
        for _one in range(count)
    ]
    found = members.resolve_members(rows=rows, now=shop.now, source="api", actor=SYSTEM)
    return [Member.objects.get(pk=one.member_id) for one in found]


def test_members_stand_by_the_source_that_was_told_with_what_they_bought_since(shop):
    first, second, _third = join(shop, "pos", 3)
    join(shop, "Mini-Program", 2)
    join(shop, "service_account", guide=shop.guide)
    join(shop, "商场快闪")
    join(shop, "")
    join(shop, "mall", days=9)
    buy(first, shop.store, shop.now - timedelta(hours=2), fen=30_000)
    buy(first, shop.store, shop.now - timedelta(hours=1), fen=20_000)
    buy(first, shop.store, shop.now - timedelta(days=3), fen=90_000)
    buy(second, shop.store, shop.now - timedelta(hours=2), number="BACK")
    buy(second, shop.store, shop.now - timedelta(hours=1), original="BACK")

    found = enrolments(actor=SYSTEM, now=shop.now, days=7)

    rows = {one.name: one for one in found.rows}
    assert {name: one.joined for name, one in rows.items()} == {
        "收银台": 3, "小程序": 2, "服务号": 1, "商场快闪": 1, "未注明来源": 1,
    }  # fmt: skip
    assert (rows["收银台"].bought, rows["收银台"].orders, rows["收银台"].net_fen) == (1, 2, 50_000)
    assert rows["服务号"].with_guide == 1
    assert (found.total.joined, found.total.net_fen) == (8, 50_000)


@pytest.mark.parametrize("with_guide", [True, False])
@pytest.mark.parametrize(("source", "name"), [("pos", "收银台"), ("join_page", "导购开卡码")])
def test_a_friend_joined_by_whoever_told_it_first(shop, source, name, with_guide):
    [(friend, external)] = make_friends(shop.guide, 1, since=shop.now - timedelta(days=1))
    guide_id = shop.guide.pk if with_guide else None

    def told(source, **fields):
        known = [("external_userid", CORP, external)]
        rows = [members.MemberRow(identities=known, source=source, **fields)]
        members.resolve_members(rows=rows, now=shop.now, source="api", actor=SYSTEM)

    told("wecom")
    told(source, joined_at=shop.now, enrolling_guide_id=guide_id)
    told("mall", joined_at=shop.now - timedelta(days=2))

    [one] = enrolments(actor=SYSTEM, now=shop.now + timedelta(minutes=1), days=7).rows

    assert (one.name, one.joined, one.friends, one.with_guide) == (name, 1, 1, int(with_guide))
    friend.refresh_from_db()
    assert friend.joined_at == shop.now


def test_a_region_sees_who_joined_at_its_own_stores(shop):
    join(shop, "pos", 2)
    elsewhere = Region.objects.create(code="elsewhere", name="别处")
    page, office = reverse("hq:sources"), office_client(Role.HQ_OPERATOR)

    assert "30 天内入会 2 人" in office.get(page).content.decode()
    assert "30 天内入会 0 人" in office.get(page, {"region": elsewhere.code}).content.decode()


def test_more_codes_ask_no_more(shop):
    office = office_client(Role.HQ_OPERATOR)

    def asked():
        with CaptureQueriesContext(connection) as found:
            assert office.get(reverse("hq:sources")).status_code == 200
        return len(found)

    come(shop, 1, code=make_code(shop, "门店", "一"))
    asked()
    few = asked()
    for number in range(20):
        come(shop, 1, code=make_code(shop, "门店", f"码{number}"))
    assert asked() == few
