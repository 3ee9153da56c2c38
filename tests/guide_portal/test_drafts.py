"""待邀请 on 开卡: written with or without script, each with an own code, dropped, counted."""

import json
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from apps.core import clock
from apps.guide_portal.models import ActionReceipt
from apps.guide_portal.saved import phone_key
from apps.members.models import EnrolDraft
from tests.factories.facts import make_phone
from tests.guide_portal.conftest import signed_in
from tests.member_portal.conftest import form

pytestmark = pytest.mark.django_db

PAGE = reverse("guide_portal:enrol")
ACTIONS = reverse("guide_portal:actions")


@pytest.fixture(autouse=True)
def _no_question(settings):
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False


def at(draft):
    return reverse("guide_portal:enrol_draft", args=[draft.pk])


def body(called="孙小圆", words="短靴 38 码", **more):
    return {"client_id": str(uuid.uuid4()), "called": called, "body": words, **more}


def write(phone, *arguments, **more):
    phone.post(PAGE, body(*arguments, **more))
    return EnrolDraft.objects.latest("pk")


def bring(phone, actions):
    batch = {"guide": phone_key(phone.guide.pk), "sent_at": "", "actions": actions}
    answer = phone.post(ACTIONS, json.dumps(batch), content_type="application/json")
    return answer.json()["answers"]


def act(**fields):
    return {"client_id": fields.pop("client_id"), "kind": "draft", "made_at": "", "fields": fields}


def test_written_on_the_page_it_stands_in_the_list_with_its_own_code(shop, phone):
    answer = phone.post(PAGE, body())
    assert answer.url == f"{PAGE}#drafts"

    shown = phone.get(PAGE).content.decode()
    assert shown.count('data-draft="waiting"') == 1
    assert "孙小圆" in shown
    assert "短靴" not in shown  # the guide turns this page to customers
    page = phone.get(at(EnrolDraft.objects.get())).content.decode()
    path = re.search(r"http://testserver(/m/join/z\w+/)", page)[1]
    assert "data:image/svg+xml" in page
    assert Client().get(path).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (body(""), 400),
        (body("王" * 21), 400),
        (body(words="靴" * 201), 400),
        (body(words="电话 13800138000"), 409),
    ],
)
def test_what_is_refused_stays_in_the_form(shop, phone, sent, status):
    answer = phone.post(PAGE, sent)

    assert answer.status_code == status
    assert sent["body"] in answer.content.decode()
    assert '<details id="draft" open>' in answer.content.decode()
    assert not EnrolDraft.objects.exists()


def test_the_same_form_again_and_the_phones_copy_are_one_draft(shop, phone):
    sent = body()
    phone.post(PAGE, sent)
    phone.post(PAGE, sent)

    answers = [bring(phone, [act(**sent)])[0] for _time in range(2)]

    assert [one["state"] for one in answers] == ["done", "done"]
    assert answers[0]["to"] == f"{PAGE}#drafts"
    assert (EnrolDraft.objects.count(), ActionReceipt.objects.count()) == (1, 1)


def test_a_phone_is_told_why_a_draft_is_refused(shop, phone):
    number, nameless = body(words="138 0013 8000"), body(called="")

    answers = bring(phone, [act(**number), act(**nameless)])

    assert [one["state"] for one in answers] == ["refused", "refused"]
    assert "手机号" in answers[0]["reason"]
    assert not EnrolDraft.objects.exists()


def test_who_joined_is_shown_with_the_time_and_the_open_page_leads_back(shop, phone):
    draft = write(phone)
    waiting = phone.get(at(draft), HTTP_HX_REQUEST="true")
    assert (waiting.status_code, "HX-Redirect" in waiting.headers) == (204, False)

    Client().post(reverse("member_portal:join", args=[draft.code]), form(make_phone()))

    joined = phone.get(at(draft), HTTP_HX_REQUEST="true")
    assert joined.headers["HX-Redirect"] == phone.get(at(draft)).url == f"{PAGE}#drafts"
    draft.refresh_from_db()
    live = phone.get(reverse("guide_portal:enrol_live"), {"since": int(shop.now.timestamp())})
    shown = live.content.decode()
    assert 'data-draft="joined"' in shown
    assert f"{draft.closed_at.astimezone(clock.chain_tz()):%H:%M}" in shown
    assert 'data-count="1"' in shown


def test_a_draft_is_dropped_with_a_reason_or_without(shop, phone):
    first, second = write(phone), write(phone, "李先生")

    phone.post(at(first), {"client_id": uuid.uuid4(), "reason": "not_wanted"})
    phone.post(at(second), {"client_id": uuid.uuid4()})

    assert list(EnrolDraft.objects.order_by("pk").values_list("state", "reason")) == [
        ("dropped", "not_wanted"),
        ("dropped", ""),
    ]
    assert 'data-draft="' not in phone.get(PAGE).content.decode()


def test_a_colleague_sees_nothing_and_the_manager_a_count(shop, phone):
    draft = write(phone)

    for guide in (shop.colleague, shop.manager):
        other = signed_in(guide)
        assert "孙小圆" not in other.get(PAGE).content.decode()
        assert other.get(at(draft)).status_code == 404
        assert other.post(at(draft), {"client_id": uuid.uuid4()}).status_code == 404

    assert "本店共有 1 位待邀请" in signed_in(shop.manager).get(PAGE).content.decode()
    assert "本店共有" not in phone.get(PAGE).content.decode()


def test_the_page_asks_as_much_for_one_draft_as_for_many(
    shop, phone, django_assert_max_num_queries
):
    manager = signed_in(shop.manager)
    write(manager)
    manager.get(PAGE)
    with django_assert_max_num_queries(12) as few:
        manager.get(PAGE)
    for number in range(6):
        write(manager, f"顾客 {number}")
    manager.get(PAGE)
    with django_assert_max_num_queries(12) as more:
        manager.get(PAGE)

    assert len(few) == len(more)


def test_the_frame_offers_the_form_and_holds_nobody(shop, phone, settings):
    write(phone)
    offline = reverse("guide_portal:offline")

    frame = phone.get(offline).content.decode()

    assert 'id="t-enrol"' in frame
    assert 'data-action="draft"' in frame
    assert "孙小圆</" not in frame
    settings.MODULES_OFF = ["member_pages"]
    assert 'id="t-enrol"' not in phone.get(offline).content.decode()
