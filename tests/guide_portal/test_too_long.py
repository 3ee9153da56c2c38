"""More words than fit, past what a page lets somebody type: the limit is said, the words stay."""

import uuid

import pytest
from django.urls import reverse

from apps.guide_tasks.models import State, TaskItem, TaskPush
from apps.members.models import MemberNote
from tests.factories.cases import complain
from tests.factories.items import make_item_push

pytestmark = pytest.mark.django_db
LONG = "长" * 5000


def item_for(shop):
    push = make_item_push(shop.now, stores=[shop.store])
    return TaskItem.objects.get(push=push, guide=shop.guide)


def send(browser, name, key, **fields):
    address = reverse(f"guide_portal:{name}", args=[key])
    values = {"client_id": str(uuid.uuid4()), **fields}
    return browser.post(address, values, follow=True)


def test_a_note_and_a_complaint_say_their_limit_and_lose_nothing(shop, phone):
    who = shop.members[0].public_id
    for answer, most in (
        (send(phone, "note", who, body=LONG), 500),
        (send(phone, "open_case", who, kind="size", words=LONG), 300),
    ):
        page = answer.content.decode()
        assert answer.status_code == 400
        assert f"最多 {most} 字，请删短后再提交" in page
        assert f"{LONG}</textarea>" in page
    assert not MemberNote.objects.exists()


def test_a_reason_says_its_limit_and_stays(shop, phone):
    item = item_for(shop)
    page = send(phone, "excuse_item", item.pk, reason="other", words=LONG).content.decode()

    assert "最多 100 字" in page
    assert f'value="{LONG}"' in page
    assert TaskItem.objects.get(pk=item.pk).state == State.OPEN


def test_what_a_manager_writes_says_its_limit(shop, managers_phone):
    case, item = complain(shop.members[0], shop.guide, shop.now), item_for(shop)
    closing = send(managers_phone, "close_case", case.pk, result="repaired", words=LONG)
    assert "最多 300 字" in closing.content.decode()
    assert f"{LONG}</textarea>" in closing.content.decode()
    back = send(managers_phone, "withdraw_item", item.pk, reason="other", words=LONG)
    assert "最多 100 字" in back.content.decode()

    fields = {"title": LONG, "who": "each", "days": "1", "client_id": str(uuid.uuid4())}
    made = managers_phone.post(reverse("guide_portal:new_task"), fields)
    assert "最多 40 字" in made.content.decode()
    assert not TaskPush.objects.filter(title__startswith="长").exists()
