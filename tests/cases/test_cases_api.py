"""客诉 by the API: once for each number of its source, for the key's own stores alone."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.accounts.services import create_api_key
from apps.cases import selectors
from apps.cases.models import ServiceCase
from apps.orders.models import Order
from apps.stores.models import Posting, ScopeGrant
from apps.timeline.models import MemberEvent
from tests.factories.facts import make_guide, make_store
from tests.factories.tasks import buy, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fixed_clock):
    store = make_store()
    (team,) = make_team(fixed_clock, guides=1, friends=2, store=store)
    return store, *team


@pytest.fixture
def key(db):
    _key, raw = create_api_key(
        name="mall", scopes=["api_write_cases"], created_by=None, chain_wide=True
    )
    return raw


def post(raw, *items):
    return Client().post(
        reverse("ingest:cases"),
        {"items": items},
        content_type="application/json",
        headers={"Authorization": f"Bearer {raw}"},
    )


def words(answer):
    found = answer.json()["results"]
    return [one["error"]["code"] if one["error"] else one["status"] for one in found]


def told(shop, member, number="A1", **more):
    return {
        "source": "mall",
        "external_no": number,
        "kind": "quality",
        "words": "拉链坏了，回电 13800001234",
        "store_code": shop[0].code,
        "member": str(member.public_id),
        **more,
    }


def test_a_number_of_its_source_is_one_case_whatever_comes_later(shop, key):
    store, guide, (member, other) = shop
    again = told(shop, member, words="别的话")
    assert words(post(key, told(shop, member), told(shop, other, "A2"), again)) == [
        "created", "created", "unchanged",
    ]  # fmt: skip
    assert words(post(key, told(shop, member))) == ["unchanged"]
    row = ServiceCase.objects.get(external_no="A1")
    assert (row.store, row.guide, row.member, row.state) == (store, guide, member, "open")
    said = selectors.words_of(row)
    assert "拉链坏了" in said
    assert "13800001234" not in said
    assert MemberEvent.objects.filter(kind="case.opened").count() == 2


def test_what_cannot_be_kept_stands_beside_what_can(shop, key, fixed_clock):
    store, _guide, (member, other) = shop
    order = Order.objects.get(pk=buy(other, store, fixed_clock, now=fixed_clock))
    bad = (
        told(shop, member, store_code="NONE"),
        {**told(shop, member), "member": "01980000-0000-7000-8000-000000000000"},
        told(shop, member, source=order.source, order_no=order.external_no),
        told(shop, member, opened_at="2091-01-01T00:00:00+08:00"),
        told(shop, member, kind="weather"),
    )
    assert words(post(key, *bad, told(shop, member))) == [
        "unknown_store", "unknown_member", "unknown_order", "impossible_date", "invalid", "created",
    ]  # fmt: skip
    good = told(shop, other, "A9", source=order.source, order_no=order.external_no)
    assert words(post(key, good)) == ["created"]
    assert ServiceCase.objects.get(external_no="A9").order == order


def test_a_key_writes_for_its_own_stores_and_with_its_scope_alone(shop):
    own, raw = create_api_key(name="one", scopes=["api_write_cases"], created_by=None)
    ScopeGrant.objects.create(api_key=own, store=shop[0])
    member = shop[2][0]
    far = told(shop, member, "A2", store_code=make_store().code)
    assert words(post(raw, told(shop, member), far)) == ["created", "foreign_store"]
    _other, orders = create_api_key(
        name="till", scopes=["api_write_orders"], created_by=None, chain_wide=True
    )
    assert post(orders, told(shop, member)).status_code == 403


def test_a_batch_costs_the_same_queries_at_any_size(key, fixed_clock):
    def queries(people, name):
        store = make_store()
        make_guide(store)
        Posting.objects.filter(store=store).update(role=Posting.PostingRole.STORE_MANAGER)
        (team,) = make_team(fixed_clock, guides=1, friends=people, store=store)
        items = [told((store,), member, f"{name}{n}") for n, member in enumerate(team[1])]
        with CaptureQueriesContext(connection) as asked:
            assert set(words(post(key, *items))) == {"created"}
        return len(asked)

    queries(1, "W")
    assert queries(2, "A") == queries(25, "B")
    entries = AuditEntry.objects.filter(action="case.opened")
    assert entries.count() == ServiceCase.objects.count() == 28
    assert set(entries.values_list("object_id", flat=True)) == {
        str(pk) for pk in ServiceCase.objects.values_list("pk", flat=True)
    }
