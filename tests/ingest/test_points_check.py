"""A till asks what somebody can spend before it takes points off; asking changes nothing."""

import uuid
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.loyalty.models import PointsEntry, PointsLot, PointsTerms
from apps.loyalty.services import give_welcome_points
from apps.members.models import Member
from apps.stores.models import ScopeGrant
from tests.factories.coupons import tell_points
from tests.factories.facts import make_member, make_store
from tests.ingest.test_batches import make_key, post
from tests.ingest.test_points import POINTS, entry

pytestmark = pytest.mark.django_db
CHECK = "/api/v1/points/check"
PHONE = {"kind": "phone", "value": "13900001234"}


@pytest.fixture
def shop(db):
    return make_store("S1")


@pytest.fixture
def key(db):
    cache.clear()
    return make_key(["api_write_orders"])[1]


@pytest.fixture
def member(shop):
    found = make_member()
    now = clock.now()
    tell_points(found, 1_000, now=now, days=9)
    tell_points(found, 300, now=now, days=8, ends=3)
    tell_points(found, 50, now=now, days=7, ends=60)
    return found


def ask(key, **asked):
    return post(CHECK, asked, key)


def test_how_many_what_they_are_worth_and_what_ends_first(member, key):
    PointsTerms.objects.create(fen_per_point=2)
    before = list(PointsLot.objects.order_by("pk").values())

    found = ask(key, member=str(member.public_id), store_code="S1").json()

    assert found == {
        "status": "known",
        "message": None,
        "member": str(member.public_id),
        "points": 1_350,
        "worth_fen": 2_700,
        "next_ending": {
            "last_day": (clock.today() + timedelta(days=3)).isoformat(),
            "points": 300,
        },
    }
    assert list(PointsLot.objects.order_by("pk").values()) == before


def test_a_phone_finds_the_person_under_all_their_numbers(shop, key):
    post("/api/v1/members/batch", [PHONE | {"phone": PHONE["value"]}],
         make_key(["api_write_members"])[1])  # fmt: skip
    merged, survivor = Member.objects.get(), make_member()
    Member.objects.filter(pk=merged.pk).update(survivor_id=survivor.pk)
    tell_points(survivor, 70, now=clock.now())

    found = ask(key, member_identity=PHONE).json()

    assert (found["points"], found["next_ending"]) == (70, None)
    assert found["member"] == str(survivor.public_id)
    assert ask(key, member=str(merged.public_id)).json() == found


def test_what_was_given_at_joining_can_be_spent_at_the_till(shop, key):
    PointsTerms.objects.create(welcome_points=200)
    member = make_member()
    give_welcome_points(member_id=member.pk, store_id=shop.pk, now=clock.now())
    assert ask(key, member=str(member.public_id)).json()["points"] == 200

    post(POINTS, [entry(member, -150, occurred_at=clock.now().isoformat())], key)

    assert ask(key, member=str(member.public_id)).json()["points"] == 50
    assert PointsEntry.objects.count() == 2


def test_who_owes_has_nothing_to_spend(shop, key):
    member = make_member()
    tell_points(member, -40, now=clock.now())

    found = ask(key, member=str(member.public_id)).json()

    assert (found["points"], found["worth_fen"], found["next_ending"]) == (-40, 0, None)


def test_who_is_not_known_is_told_so_and_has_nothing(member, key):
    Member.objects.filter(pk=member.pk).update(erased_at=clock.now())
    asked = [{"member": str(uuid.uuid4())}, {"member": str(member.public_id)},
             {"member_identity": PHONE}, {"member_identity": PHONE | {"value": "12"}}]  # fmt: skip

    for one in asked:
        found = ask(key, **one).json()
        assert (found["status"], found["points"], found["member"]) == ("unknown_member", 0, None)
        assert "会员" in found["message"]


def test_whose_key_counts_and_which_store_it_may_name(member, shop, key):
    make_store("S2")
    narrow, raw = make_key(["api_write_orders"], chain_wide=False)
    ScopeGrant.objects.create(api_key=narrow, store=shop)
    whom = {"member": str(member.public_id)}

    assert ask("nothing", **whom).status_code == 401
    assert ask(make_key(["api_write_members"])[1], **whom).status_code == 403
    assert ask(raw, **whom, store_code="S1").json()["points"] == 1_350
    for store_code in ("", "S2", "NOWHERE"):
        refused = ask(raw, **whom, store_code=store_code)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unknown_store")


def test_a_question_names_one_person_in_one_way(member, key):
    whom = {"member": str(member.public_id)}
    for asked in ({}, whom | {"member_identity": PHONE}, {"member": "17"}, {"member_identity": 5}):
        assert ask(key, **asked).status_code == 400
    headers = {"Authorization": f"Bearer {key}"}
    body = Client().post(CHECK, "[1]", content_type="application/json", headers=headers)
    assert body.status_code == 400


def test_who_asks_without_end_is_told_to_wait_and_coupons_are_counted_apart(member, key, settings):
    settings.TILL_CHECKS_PER_MINUTE = 2
    whom = {"member": str(member.public_id), "store_code": "S1"}

    assert [ask(key, **whom).status_code for _one in range(3)] == [200, 200, 429]
    coupon = post("/api/v1/coupons/check", {"code": "1", "store_code": "S1"}, key)
    assert coupon.status_code == 200


def test_more_points_ask_no_more(member, key):
    counted = []
    ask(key, member=str(member.public_id))  # a key's first call is noted
    for more in (0, 8):
        for number in range(more):
            tell_points(member, 10, now=clock.now(), ends=number)
        with CaptureQueriesContext(connection) as asked:
            ask(key, member=str(member.public_id), store_code="S1")
        counted.append(len(asked))

    assert counted[0] == counted[1] <= 12
