"""A till asks what a coupon's code is worth before it takes money off; asking changes nothing."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.loyalty.models import CouponIssue
from apps.stores.models import ScopeGrant
from tests.factories.coupons import give, make_coupon
from tests.factories.facts import make_guide, make_member, make_product, make_store
from tests.ingest.test_batches import ORDERS, make_key, order, post

pytestmark = pytest.mark.django_db
CHECK = "/api/v1/coupons/check"


@pytest.fixture
def shop(db):
    make_product("SKU1")
    return make_store("S1")


@pytest.fixture
def guide(shop):
    return make_guide(shop)


@pytest.fixture
def key(db):
    cache.clear()
    return make_key(["api_write_orders"])[1]


def ask(key, **asked):
    return post(CHECK, asked, key)


def given(guide, **fields):
    return give(make_coupon(**fields), make_member(), clock.now(), guide=guide)


def test_a_good_code_says_what_it_is_worth_and_until_when(guide, shop, key):
    issue = given(guide, terms="正价商品可用")
    before = CouponIssue.objects.values().get()

    found = ask(key, code=issue.printed_code, store_code="S1", amount_fen=30_000).json()

    assert (found["usable"], found["status"], found["message"]) == (True, "usable", None)
    assert found["coupon"]["worth"] == "满 ¥300 减 ¥50"
    assert (found["coupon"]["off_fen"], found["coupon"]["from_fen"]) == (5_000, 30_000)
    assert found["coupon"]["terms"] == "正价商品可用"
    assert CouponIssue.objects.values().get() == before


def test_each_no_says_why_in_one_sentence(guide, shop, key):
    now, other = clock.now(), make_store("S2")
    today = clock.business_day(now)
    over, used = given(guide), given(guide)
    CouponIssue.objects.filter(pk=over.pk).update(expires_at=now)
    CouponIssue.objects.filter(pk=used.pk).update(used_at=now, handed_by=guide)
    later = given(guide, starts_on=today + timedelta(days=2))
    here = give(make_coupon(stores=[shop]), make_member(), now, guide=guide, store=shop)
    gift = given(guide, benefit="gift", gift="鞋油", off_fen=0, from_fen=0, by_hand=True)
    theirs, fine = given(guide), given(guide)
    stranger = str(make_member().public_id)
    wanted = [
        ({"code": "0000111122223333"}, "unknown_coupon", "没有这个券码"),
        ({"code": used.code}, "coupon_used", "已用过"),
        ({"code": over.code}, "coupon_expired", "已到期"),
        ({"code": later.code}, "coupon_not_yet", "起可用"),
        ({"code": here.code, "store_code": other.code}, "coupon_other_store", "不能在本店"),
        ({"code": gift.code}, "gift_of_guide", "当面交付"),
        ({"code": theirs.code, "member": stranger}, "foreign_coupon", "另一位会员"),
        ({"code": fine.code, "amount_fen": 29_999}, "below_amount", "满 ¥300 可用"),
    ]

    for asked, status, words in wanted:
        found = ask(key, **asked).json()
        assert (found["usable"], found["status"]) == (False, status)
        assert words in found["message"]
    assert ask(key, code=theirs.code, member=stranger).json()["coupon"] is None


def test_whose_key_counts_and_which_store_it_may_name(guide, shop, key):
    issue = given(guide)
    make_store("S2")
    narrow, raw = make_key(["api_write_orders"], chain_wide=False)
    ScopeGrant.objects.create(api_key=narrow, store=shop)

    assert ask("nothing", code=issue.code).status_code == 401
    assert ask(make_key(["api_write_members"])[1], code=issue.code).status_code == 403
    assert ask(key, code=issue.code, store_code="NOWHERE").status_code == 400
    assert ask(raw, code=issue.code, store_code="S1").json()["usable"]
    for store_code in ("", "S2"):
        refused = ask(raw, code=issue.code, store_code=store_code)
        assert refused.json()["error"]["code"] == "unknown_store"
    assert ask(key).status_code == 400


def test_who_asks_without_end_is_told_to_wait(guide, key, settings):
    issue = given(guide)
    settings.TILL_CHECKS_PER_MINUTE = 2

    answers = [ask(key, code=issue.code).status_code for _one in range(3)]

    assert answers == [200, 200, 429]


def test_a_store_that_asks_much_holds_up_no_other_store_of_the_same_key(guide, key, settings):
    issue = given(guide)
    make_store("S2")
    settings.TILL_CHECKS_PER_MINUTE = 2

    def answers(*stores):
        return [ask(key, code=issue.code, store_code=store).status_code for store in stores]

    assert answers("S1", " S1 ", "S1") == [200, 200, 429]
    assert answers("S2", "S2", "S2") == [200, 200, 429]
    assert (
        ask(make_key(["api_write_orders"])[1], code=issue.code, store_code="S1").status_code == 200
    )
    assert post(CHECK, {"code": issue.code, "store_code": ["S1"]}, key).status_code == 400


def test_a_body_that_is_no_object_is_refused_and_not_a_fault(key):
    answer = Client().post(
        CHECK, "[1]", content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )

    assert answer.status_code == 400


def test_a_coupon_of_many_stores_asks_no_more(guide, key):
    ask(key, code=given(guide).code)  # a key's first call is noted
    counted = []
    for stores in ([], [make_store() for _one in range(5)]):
        issue = given(guide)
        issue.coupon.stores.set(stores)
        with CaptureQueriesContext(connection) as asked:
            ask(key, code=issue.code)
        counted.append(len(asked))

    assert counted[0] == counted[1]


def test_a_sale_below_the_amount_uses_it_and_is_warned_of(guide, shop, key):
    small, enough = given(guide), given(guide)
    items = [
        order("C1", net=20_000, coupon_codes=[small.code]),
        order("C2", net=25_000, coupon_codes=[enough.code]),
    ]
    for item in items:
        item["paid_at"] = clock.now().isoformat()

    answers = [post(ORDERS, items, key).json()["results"] for _time in range(2)]

    for results in answers:
        told = [result["coupons"][0] for result in results]
        assert [one["status"] for one in told] == ["used", "used"]
        assert "使用门槛" in told[0]["message"]
        assert told[1]["message"] is None
    assert CouponIssue.objects.filter(used_at__isnull=False).count() == 2
