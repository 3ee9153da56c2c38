import threading

import pytest
from django.db import connection
from django.test import Client

from apps.wecom import crypto, selectors
from apps.wecom.models import RawCallback
from apps.wecom.selectors import endpoint_config

from .conftest import AES_KEY, CORP_ID, TOKEN, added, event_xml, vector

URL = "/wecom/callback/contacts/"


def test_the_address_check_answers_the_clear_text_exactly(client, endpoint):
    case = vector("url_verify_digits")

    answer = client.get(f"{URL}?{case['query']}")

    assert answer.status_code == 200
    assert answer.content.decode() == case["expected_response_body"]


def test_the_address_check_refuses_a_wrong_signature(client, endpoint):
    query = vector("url_verify_digits")["query"].replace("msg_signature=c", "msg_signature=d")

    assert client.get(f"{URL}?{query}").status_code == 403


def test_a_callback_is_kept_before_it_is_answered(client, endpoint):
    case = vector("add_external_contact")

    answer = client.post(f"{URL}?{case['query']}", case["post_body"], content_type="text/xml")

    assert (answer.status_code, answer.content) == (200, b"")
    row = RawCallback.objects.get()
    assert (row.event, row.change_type) == ("change_external_contact", "add_external_contact")
    assert row.fields["ExternalUserID"] == "wmSimQbAAAm3x7Kd9PzR2vLtYw5Hc0Ng"
    assert row.fields["WelcomeCode"] == "WCODE_sim_9f31c7"
    assert row.status == RawCallback.Status.RECEIVED
    assert row.created_by_wecom_at.timestamp() == 1767225660


def test_no_csrf_token_is_asked_for(endpoint, seal):
    sealed = seal(added())

    answer = Client(enforce_csrf_checks=True).post(
        f"{URL}?{sealed.query}", sealed.body, content_type="text/xml"
    )

    assert answer.status_code == 200


def test_a_retry_collapses_and_events_of_one_second_survive(deliver):
    deliver(added(external_userid="wmA"))
    deliver(added(external_userid="wmA"))
    deliver(added(external_userid="wmB"))

    assert RawCallback.objects.count() == 2


def test_a_list_of_members_is_kept_whole(deliver):
    text = event_xml(Event="change_external_chat", ChangeType="update", ChatId="wr1")
    members = "<MemChangeList><Item>wm1</Item><Item>wm2</Item></MemChangeList>"

    deliver(text.replace("</xml>", f"{members}</xml>"))

    assert RawCallback.objects.get().fields["MemChangeList"] == {"Item": ["wm1", "wm2"]}


def test_what_describes_a_person_is_not_kept(deliver):
    deliver(
        event_xml(
            Event="change_contact",
            ChangeType="create_user",
            CreateTime=1,
            UserID="g1",
            Name="林晓雯",
            Mobile="13800001234",
            Email="lin@example.test",
        )
    )

    row = RawCallback.objects.get()
    assert row.fields["UserID"] == "g1"
    assert not {"Name", "Mobile", "Email"} & set(row.fields)


@pytest.mark.parametrize("name", ["bad_signature", "tampered_ciphertext", "wrong_receiveid"])
def test_forgeries_leave_nothing(client, endpoint, name):
    negative = vector(name)
    base = vector(negative["base"])
    query = base["query"].replace(
        base["msg_signature"], negative.get("msg_signature", base["msg_signature"])
    )
    body = base["post_body"].replace(base["encrypt"], negative.get("encrypt", base["encrypt"]))

    answer = client.post(f"{URL}?{query}", body, content_type="text/xml")

    assert answer.status_code == 403
    assert not RawCallback.objects.exists()


def test_an_old_timestamp_is_no_reason_to_refuse(deliver):
    assert deliver(added(), timestamp="1000000000").status_code == 200
    assert RawCallback.objects.count() == 1


@pytest.mark.parametrize("cut", [0, 1, 40, 200, -1, -10])
def test_a_truncated_body_leaves_nothing(client, seal, cut):
    sealed = seal(added())

    answer = client.post(f"{URL}?{sealed.query}", sealed.body[:cut], content_type="text/xml")

    assert 400 <= answer.status_code < 500
    assert not RawCallback.objects.exists()


def test_over_a_megabyte_is_refused(client, seal):
    sealed = seal(added())
    body = sealed.body.replace("</xml>", f"<Pad>{'x' * 1_000_000}</Pad></xml>")

    answer = client.post(f"{URL}?{sealed.query}", body, content_type="text/xml")

    assert answer.status_code == 413
    assert not RawCallback.objects.exists()


def test_a_foreign_corp_with_our_keys_is_refused(deliver):
    keys = crypto.Keys(token=TOKEN, aes_key=AES_KEY, receive_id="ww0000000000000000")

    assert deliver(added(), keys=keys).status_code == 403
    assert not RawCallback.objects.exists()


@pytest.mark.parametrize("missing", ["msg_signature", "timestamp", "nonce"])
def test_a_missing_part_of_the_signature_is_refused(client, seal, missing):
    sealed = seal(added())
    query = "&".join(part for part in sealed.query.split("&") if not part.startswith(missing))

    answer = client.post(f"{URL}?{query}", sealed.body, content_type="text/xml")

    assert answer.status_code == 400
    assert not RawCallback.objects.exists()


def test_signed_but_shapeless_text_is_refused(deliver):
    for text in ("", "hello", "<xml/>", '<!DOCTYPE x [<!ENTITY a "b">]><xml><a>&a;</a></xml>'):
        assert deliver(text).status_code == 400
    assert not RawCallback.objects.exists()


def test_an_unknown_address_and_other_methods(client, seal):
    sealed = seal(added())

    unknown = client.post(
        f"/wecom/callback/nobody/?{sealed.query}", sealed.body, content_type="text/xml"
    )

    assert unknown.status_code == 404
    assert client.put(URL).status_code == 405


def test_an_inactive_corp_has_no_address(client, corp, seal):
    sealed = seal(added())
    corp.is_active = False
    corp.save()

    answer = client.post(f"{URL}?{sealed.query}", sealed.body, content_type="text/xml")

    assert answer.status_code == 404


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_same_callback_many_times_at_once_is_one_row(seal):
    threads_per_round, rounds = 8, 6
    answers = []

    def post(sealed, gate):
        try:
            gate.wait()
            answer = Client().post(f"{URL}?{sealed.query}", sealed.body, content_type="text/xml")
            answers.append(answer.status_code)
        finally:
            connection.close()

    for number in range(rounds):
        gate = threading.Barrier(threads_per_round)
        sealed = [seal(added(external_userid=f"wm{number}")) for _ in range(threads_per_round)]
        threads = [threading.Thread(target=post, args=(one, gate)) for one in sealed]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert answers == [200] * threads_per_round * rounds
    assert RawCallback.objects.count() == rounds


def test_the_receiver_id_may_differ_from_the_corp(client, endpoint):
    case = vector("suite_receiveid")
    # a suite's callback is not for this corp's address
    assert case["receiveid"] != CORP_ID

    answer = client.post(f"{URL}?{case['query']}", case["post_body"], content_type="text/xml")

    assert answer.status_code == 403


def test_the_keys_of_an_address_are_remembered_for_a_moment(
    corp, settings, django_assert_num_queries
):
    settings.WECOM_ENDPOINT_SECONDS = 60
    first = endpoint_config("contacts")

    with django_assert_num_queries(0):
        assert endpoint_config("contacts") is first

    settings.WECOM_ENDPOINT_SECONDS = 0
    selectors._known.clear()
    assert endpoint_config("contacts") is not first
    assert endpoint_config("nobody") is None
