"""The inbound API: good rows in, bad ones back one by one, each batch worked once."""

import json
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.accounts.models import ApiKey
from apps.accounts.services import create_api_key
from apps.core import clock
from apps.ingest.models import IdempotencyRecord
from apps.members.models import Consent, Member, MemberIdentity
from apps.orders.models import Order, OrderLine
from apps.profiles import selectors as profiles
from apps.stores.models import ScopeGrant
from tests.factories.facts import make_guide, make_phone, make_product, make_store

pytestmark = pytest.mark.django_db
MEMBERS, ORDERS = "/api/v1/members/batch", "/api/v1/orders/batch"
PAID_AT = (clock.now() - timedelta(hours=1)).isoformat()
BOTH = ["api_write_members", "api_write_orders"]


def make_key(scopes=BOTH, **more):
    return create_api_key(
        name="till", scopes=scopes, created_by=None, **{"chain_wide": True, **more}
    )


@pytest.fixture
def key(db):
    return make_key()[1]


@pytest.fixture
def shop(db):
    make_product("SKU1")
    return make_store("S1")


def post(path, items, key, idempotency=None, client=None):
    headers = {"Authorization": f"Bearer {key}"}
    if idempotency is not None:
        headers["Idempotency-Key"] = idempotency
    body = {"items": items} if isinstance(items, list) else items
    return (client or Client()).post(path, body, content_type="application/json", headers=headers)


def member(phone="", **fields):
    return {"phone": phone or make_phone(), "name": "林晓雯", **fields}


def order(number="A1", *, net=10000, **fields):
    return {
        "source": "pos",
        "external_no": number,
        "store_code": "S1",
        "paid_at": PAID_AT,
        "net_fen": net,
        "lines": [{"line_no": 1, "sku": "SKU1", "quantity": "1", "net_fen": net}],
        **fields,
    }


def statuses(answer):
    return [result["status"] for result in answer.json()["results"]]


def codes(answer):
    return [(result["error"] or {}).get("code") for result in answer.json()["results"]]


def test_a_member_is_made_then_updated_and_known_by_a_public_id(shop, key):
    guide, phone = make_guide(shop), make_phone()
    consent = {
        "purpose": "wecom_marketing", "text_version": "v1", "channel": "till",
        "given_at": clock.now().isoformat(),
    }  # fmt: skip
    first = post(
        MEMBERS,
        [
            member(
                phone, home_store="S1", enrolling_guide=guide.wecom_userid, consents=[consent],
                identities=[{"kind": "member_no", "scope": "pos", "value": "M1"}],
                birth_month=5, birth_day=20, joined_at=clock.now().isoformat(),
            )
        ],
        key,
    )  # fmt: skip
    second = post(MEMBERS, [{"phone": phone, "level": "gold"}], key)

    found = Member.objects.get()
    assert first.status_code == 200
    assert (statuses(first), statuses(second)) == (["created"], ["updated"])
    assert first.json()["results"][0]["reference"] == str(found.public_id)
    assert (found.home_store, found.enrolling_guide, found.level) == (shop, guide, "gold")
    assert MemberIdentity.objects.filter(member=found).count() == 2
    assert Consent.objects.valid().filter(member=found).exists()
    assert profiles.profile_of(found.pk).stage == "prospect"
    assert phone not in first.content.decode() + second.content.decode()


def test_an_order_brings_the_buyers_profile_up_to_date(shop, key):
    phone = make_phone()
    reference = post(MEMBERS, [member(phone)], key).json()["results"][0]["reference"]

    answer = post(
        ORDERS,
        [
            order("A1", member=reference),
            order("A2", member_identity={"kind": "phone", "value": phone}),
        ],
        key,
    )

    assert statuses(answer) == ["created", "created"]
    profile = profiles.profile_of(Member.objects.get().pk)
    assert (profile.stage, profile.order_count, profile.net_fen) == ("new", 2, 20000)


def test_bad_items_come_back_one_by_one_and_good_ones_go_in(shop, key):
    answer = post(
        ORDERS,
        [
            order("GOOD"),
            order("B1", store_code="S9"),
            order("B2", net_fen=1),
            order("B3", lines=[{"line_no": 1, "sku": "NO", "quantity": "1", "net_fen": 10000}]),
            order("B4", selling_guide_userid="nobody"),
            order("B5", paid_at="yesterday"),
            order("B6", member="00000000-0000-7000-8000-000000000000"),
            "rubbish",
            None,
            {},
            order("B7\x00"),
            order("B8", lines=[]),
            order("GOOD"),
        ],
        key,
    )

    assert answer.status_code == 200
    assert codes(answer) == [
        None, "unknown_store", "lines_do_not_sum", "unknown_sku", "unknown_guide", "invalid",
        "unknown_member", "invalid", "invalid", "invalid", "invalid", "no_lines", None,
    ]  # fmt: skip
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 11)
    assert list(Order.objects.values_list("external_no", flat=True)) == ["GOOD"]
    messages = [result["error"]["message"] for result in answer.json()["results"][1:12]]
    assert all(messages)
    assert "NO" in messages[2]
    assert messages[4].startswith("paid_at")


def test_bad_members_come_back_one_by_one(shop, key):
    def numbered(number):
        return {"identities": [{"kind": "member_no", "scope": "pos", "value": number}]}

    post(MEMBERS, [numbered("A"), numbered("B")], key)
    both = {"identities": numbered("A")["identities"] + numbered("B")["identities"]}

    answer = post(
        MEMBERS,
        [
            member("12345"), {"name": "x"}, both, member(home_store="S9"),
            member(enrolling_guide="nobody"), member(birth_month=2, birth_day=30), member(),
            member(joined_at="0001-01-01T00:00:00Z"), member(joined_at="2999-01-01T00:00:00Z"),
            member(joined_at="1985-05-01T00:00:00Z"),
        ],
        key,
    )  # fmt: skip

    assert codes(answer) == [
        "invalid_phone", "no_identity", "identity_conflict", "unknown_store", "unknown_guide",
        "invalid", None, "impossible_date", "impossible_date", None,
    ]  # fmt: skip
    assert "12345" not in answer.content.decode()


def test_a_return_through_the_api_makes_net_zero(shop, key):
    reference = post(MEMBERS, [member()], key).json()["results"][0]["reference"]
    line = {
        "line_no": 1, "sku": "SKU1", "quantity": "-1", "net_fen": -10000, "original_line_no": 1,
    }  # fmt: skip

    answer = post(
        ORDERS,
        [
            order("A1", member=reference),
            order("R1", net=-10000, kind="return", original_no="A1", lines=[line]),
        ],
        key,
    )

    assert statuses(answer) == ["created", "created"]
    assert profiles.profile_of(Member.objects.get().pk).net_fen == 0
    assert sum(OrderLine.objects.values_list("net_fen", flat=True)) == 0


# --- sent again ----------------------------------------------------------------------------------


def test_the_same_key_and_body_get_the_first_answer_again(shop, key):
    items = [order("A1"), order("A2", store_code="S9")]

    first = post(ORDERS, items, key, "k1")
    again = post(ORDERS, items, key, "k1")
    later = post(ORDERS, items, key, "k2")

    assert first.json() == again.json()
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert statuses(later) == ["unchanged", "rejected"]
    assert Order.objects.get().version == 1


def test_the_same_key_with_another_body_is_refused(shop, key):
    post(ORDERS, [order("A1")], key, "k1")

    answer = post(ORDERS, [order("A2")], key, "k1")

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "idempotency_key_reused"
    assert Order.objects.count() == 1


def test_another_key_of_the_chain_has_its_own_memory(shop, key):
    post(ORDERS, [order("A1")], key, "k1")

    assert post(ORDERS, [order("A2")], make_key()[1], "k1").status_code == 200
    assert IdempotencyRecord.objects.count() == 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_at_once_is_worked_once():
    make_product("SKU1")
    make_store("S1")
    key, items = make_key()[1], [order(f"A{number}") for number in range(20)]
    barrier, answers = threading.Barrier(2), []

    def work():
        barrier.wait()
        try:
            answers.append(post(ORDERS, items, key, "k1"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _twice in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers[0].json() == answers[1].json()
    assert statuses(answers[0]) == ["created"] * 20
    assert IdempotencyRecord.objects.count() == 1


# --- who may -------------------------------------------------------------------------------------


def test_without_a_key_with_a_wrong_and_with_an_expired_one_the_door_stays_shut(shop):
    expired = make_key(expires_at=clock.now() - timedelta(days=1))[1]

    nobody = Client().post(ORDERS, {"items": []}, content_type="application/json")
    wrong, old = post(ORDERS, [order()], "x.y"), post(ORDERS, [order()], expired)

    assert [answer.status_code for answer in (nobody, wrong, old)] == [401, 401, 401]
    assert [answer.json()["error"]["code"] for answer in (nobody, wrong, old)] == [
        "not_authenticated", "invalid_api_key", "expired_api_key",
    ]  # fmt: skip
    assert not Order.objects.exists()


def test_a_revoked_key_is_refused(shop, key):
    ApiKey.objects.update(revoked_at=clock.now())

    assert post(ORDERS, [order()], key).status_code == 401


def test_a_key_for_members_writes_no_orders(shop):
    answer = post(ORDERS, [order()], make_key(["api_write_members"])[1])

    assert answer.status_code == 403
    assert not Order.objects.exists()


def test_a_key_of_one_store_writes_for_no_other(shop, key):
    other = make_store("S2")
    phone = make_phone()
    post(MEMBERS, [member(phone, home_store="S2")], key)
    api_key, raw = make_key(chain_wide=False)
    ScopeGrant.objects.create(api_key=api_key, store=shop)

    orders = post(ORDERS, [order("A1"), order("A2", store_code="S2")], raw)
    members = post(
        MEMBERS,
        [
            member(home_store="S1"), member(home_store="S2"), member(),
            member(phone, name="别人", home_store="S1"),
        ],
        raw,
    )  # fmt: skip

    assert codes(orders) == [None, "foreign_store"]
    assert codes(members) == [None, "foreign_store", "no_store", "foreign_member"]
    assert not Member.objects.filter(name="别人").exists()
    assert Member.objects.filter(home_store=other).count() == 1


def test_a_signed_in_person_is_no_machine(shop, admin_client):
    answer = admin_client.post(ORDERS, {"items": [order()]}, content_type="application/json")

    assert answer.status_code == 401


# --- form and size -------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [[], {"rows": []}, {"items": {}}, {"items": "x"}, "text"])
def test_a_body_of_another_shape_is_refused_with_a_sentence(shop, key, body):
    headers = {"Authorization": f"Bearer {key}"}
    answer = Client().post(ORDERS, body, content_type="application/json", headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_broken_json_is_refused(key):
    headers = {"Authorization": f"Bearer {key}"}
    answer = Client().post(ORDERS, '{"items": [', content_type="application/json", headers=headers)

    assert answer.status_code == 400


def test_more_than_a_thousand_items_or_eight_megabytes_are_refused(shop, key, settings):
    many = post(ORDERS, [order(f"A{number}") for number in range(1001)], key)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    large = post(ORDERS, [order(f"A{number}") for number in range(10)], key)

    assert [answer.status_code for answer in (many, large)] == [413, 413]
    assert many.json()["error"]["code"] == "too_large"
    assert not Order.objects.exists()


def test_a_batch_costs_the_same_queries_at_any_size(shop, key):
    def queries(count):
        phones = [make_phone() for _number in range(count)]
        with CaptureQueriesContext(connection) as found:
            post(MEMBERS, [member(phone) for phone in phones], key, f"m{count}")
            identities = [{"kind": "phone", "value": phone} for phone in phones]
            rows = [
                order(f"{count}-{number}", member_identity=identity)
                for number, identity in enumerate(identities)
            ]
            assert post(ORDERS, rows, key, f"o{count}").json()["rejected"] == 0
        return len(found)

    queries(1)
    assert queries(3) == queries(60)


@pytest.mark.slow
@pytest.mark.slow
def test_a_full_batch_takes_seconds_and_asks_no_more_often_than_a_small_one(shop, key):
    def queries(batch, count):
        items = [order(f"{batch}{number}") for number in range(count)]
        with CaptureQueriesContext(connection) as asked:
            assert post(ORDERS, items, key, batch).json()["accepted"] == count
        return len(asked)

    queries("first", 1)
    few = queries("few", 5)
    # our own seconds: a machine that is busy with other things proves nothing
    begun = time.process_time()
    many = queries("full", 1000)

    assert time.process_time() - begun < 10
    assert many - few < 10


# --- schema --------------------------------------------------------------------------------------


def test_the_schema_names_the_endpoints_and_the_key(client):
    schema = client.get("/api/v1/schema/?format=json").json()

    assert schema["openapi"].startswith("3.1")
    assert set(schema["paths"]) == {
        MEMBERS, ORDERS, "/api/v1/cases/batch", "/api/v1/coupons/check", "/api/v1/points/batch",
        "/api/v1/points/check", "/api/v1/stock/batch", "/api/v1/concessions/check",
    }  # fmt: skip
    assert schema["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    post_orders = schema["paths"][ORDERS]["post"]
    assert set(post_orders["responses"]) == {"200", "400", "401", "403", "409", "413"}
    assert post_orders["requestBody"]["content"]["application/json"]["examples"]


def test_the_examples_of_the_schema_are_accepted_as_they_stand(client, key):
    make_product("R2101-WHT-38")
    make_guide(make_store("S001"), "guide01")
    schema = client.get("/api/v1/schema/?format=json").json()

    for path in (MEMBERS, ORDERS):
        content = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        for example in content["examples"].values():
            answer = post(path, example["value"], key)
            assert answer.json()["rejected"] == 0, answer.json()


def test_the_page_of_the_api_keeps_its_script_in_a_file_of_its_own(client):
    page = client.get("/api/v1/docs/")
    text = page.content.decode()
    policy = page.headers["Content-Security-Policy"]

    assert page.status_code == 200
    assert "<script>" not in text
    assert "script-src 'self'" in policy
    assert client.get("/api/v1/docs/?script").headers["Content-Type"].startswith("application/java")


_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "1e999", "NaN", "-0"]),
    st.lists(st.none(), max_size=2), st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


@pytest.mark.slow
@hypothesis_settings(max_examples=25)
@given(
    changes=st.dictionaries(
        st.sampled_from(
            [
                *order(),
                *member(),
                "member",
                "member_identity",
                "kind",
                "original_no",
                "joined_at",
                "consents",
                "identities",
                "home_store",
                "birth_day",
                "gender",
            ]
        ),
        _values,
    ),
    line=st.dictionaries(
        st.sampled_from(["line_no", "sku", "quantity", "net_fen", "original_line_no", "is_gift"]),
        _values,
    ),
)
def test_no_item_however_odd_breaks_the_batch(shop, key, changes, line):
    items = [order("ODD", **changes), order("LINE")]
    items[1]["lines"][0] = {**items[1]["lines"][0], **line}

    orders = post(ORDERS, json.dumps({"items": items}), key)
    odd = [{**member(), **{name: value}} for name, value in changes.items()]
    members = post(MEMBERS, json.dumps({"items": [*odd, {**member(), **line}]}), key)

    assert (orders.status_code, members.status_code) == (200, 200)
