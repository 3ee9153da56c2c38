"""A till asks what was granted to somebody before it acts on it; asking changes nothing."""

import uuid
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.concessions.models import Concession
from apps.core import clock
from apps.members.models import Member
from apps.orders.models import Order
from apps.stores.models import ScopeGrant
from tests.factories.facts import make_guide, make_member, make_store
from tests.factories.tasks import buy
from tests.ingest.test_batches import make_key, post

pytestmark = pytest.mark.django_db
CHECK = "/api/v1/concessions/check"
PHONE = {"kind": "phone", "value": "13900001234"}
DAY = timedelta(days=1)


@pytest.fixture
def shop(db):
    return make_store("S1")


@pytest.fixture
def guide(shop):
    return make_guide(shop)


@pytest.fixture
def key(db):
    cache.clear()
    return make_key(["api_write_orders"])[1]


def grant(member, guide, store, *, days=3, state="granted", **wish):
    now = clock.now()
    return Concession.objects.create(
        member=member, guide=guide, store=store, state=state, level="store", reason="loyal",
        client_id=uuid.uuid4(), asked_at=now, decided_at=None if state == "waiting" else now,
        valid_until=clock.today() + days * DAY, **{"kind": "discount", "percent": 10, **wish},
    )  # fmt: skip


def ask(key, **asked):
    return post(CHECK, asked, key)


def test_a_discount_where_it_was_granted_and_a_return_everywhere(shop, guide, key):
    member, other = make_member(), make_store("S2")
    sold = Order.objects.get(pk=buy(member, shop, clock.now() - 9 * DAY, now=clock.now()))
    grant(member, guide, shop, days=5)
    grant(member, guide, shop, days=0, kind="late_return", percent=None, order=sold)
    before = list(Concession.objects.order_by("pk").values())
    whom = {"member": str(member.public_id)}
    back = {
        "kind": "late_return",
        "percent": None,
        "source": sold.source,
        "order_no": sold.external_no,
        "valid_until": clock.today().isoformat(),
    }
    less = {
        "kind": "discount",
        "percent": 10,
        "source": None,
        "order_no": None,
        "valid_until": (clock.today() + 5 * DAY).isoformat(),
    }

    found = ask(key, **whom, store_code="S1").json()

    known = {"status": "known", "message": None, "member": str(member.public_id)}
    assert found == {**known, "concessions": [back, less]}
    assert ask(key, **whom, store_code=other.code).json()["concessions"] == [back]
    assert list(Concession.objects.order_by("pk").values()) == before


def test_what_waits_was_refused_or_is_over_does_not_count(shop, guide, key):
    member = make_member()
    for state in ("waiting", "refused", "withdrawn"):
        grant(member, guide, shop, state=state)
    grant(member, guide, shop, days=-1)
    grant(make_member(), guide, shop)

    assert ask(key, member=str(member.public_id), store_code="S1").json()["concessions"] == []


def test_a_phone_finds_the_person_under_all_their_numbers(shop, guide, key):
    post("/api/v1/members/batch", [PHONE | {"phone": PHONE["value"]}],
         make_key(["api_write_members"])[1])  # fmt: skip
    merged, survivor = Member.objects.get(), make_member()
    Member.objects.filter(pk=merged.pk).update(survivor_id=survivor.pk)
    grant(merged, guide, shop)

    found = ask(key, member_identity=PHONE, store_code="S1").json()

    assert (found["member"], len(found["concessions"])) == (str(survivor.public_id), 1)


def test_who_is_not_known_is_told_so(shop, key):
    for whom in ({"member": str(uuid.uuid4())}, {"member_identity": PHONE}):
        found = ask(key, **whom, store_code="S1").json()
        assert (found["status"], found["concessions"]) == ("unknown_member", [])
        assert "会员" in found["message"]


def test_whose_key_counts_and_each_till_names_its_store(shop, guide, key):
    member = make_member()
    grant(member, guide, shop)
    make_store("S2")
    narrow, raw = make_key(["api_write_orders"], chain_wide=False)
    ScopeGrant.objects.create(api_key=narrow, store=shop)
    whom = {"member": str(member.public_id)}

    assert ask("nothing", **whom, store_code="S1").status_code == 401
    assert ask(make_key(["api_write_members"])[1], **whom, store_code="S1").status_code == 403
    assert len(ask(raw, **whom, store_code="S1").json()["concessions"]) == 1
    for asker, store_code in ((raw, "S2"), (key, "NOWHERE"), (raw, ""), (key, "")):
        refused = ask(asker, **whom, store_code=store_code)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unknown_store")
    assert ask(key, store_code="S1").status_code == 400


def test_who_asks_without_end_is_told_to_wait(shop, key, settings):
    settings.TILL_CHECKS_PER_MINUTE = 2
    whom = {"member": str(make_member().public_id), "store_code": "S1"}

    assert [ask(key, **whom).status_code for _one in range(3)] == [200, 200, 429]


def test_more_concessions_ask_no_more(shop, guide, key):
    member = make_member()
    counted = []
    for _more in range(2):
        for _one in range(4):
            sold = buy(member, shop, clock.now() - DAY, now=clock.now())
            grant(member, guide, shop, kind="late_return", percent=None, order_id=sold)
        ask(key, member=str(member.public_id), store_code="S1")  # a key's first call is noted
        with CaptureQueriesContext(connection) as asked:
            ask(key, member=str(member.public_id), store_code="S1")
        counted.append(len(asked))

    assert counted[0] == counted[1] <= 12
