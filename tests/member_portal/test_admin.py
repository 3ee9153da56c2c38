"""Head office answers requests: one action deletes, a saved sentence refuses."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry, User
from apps.core import clock
from apps.member_portal.models import ConsentText, DataRequest
from apps.member_portal.texts import current_texts
from apps.members.models import Member
from tests.factories.facts import make_member

pytestmark = pytest.mark.django_db
LIST = reverse("admin:member_portal_datarequest_changelist")


@pytest.fixture
def request_of():
    def make(kind="erase"):
        now = clock.now()
        return DataRequest.objects.create(
            member=make_member(), kind=kind, client_id=uuid.uuid4(), asked_at=now, due_on=now.date()
        )

    return make


def signed_in(role):
    client = Client()
    client.force_login(User.objects.create(username=role, role=role))
    return client


def test_the_action_deletes_and_leaves_a_record(request_of):
    row = request_of()
    client = signed_in(Role.HQ_ADMIN)

    client.post(LIST, {"action": "erase", "_selected_action": [row.pk]})

    row.refresh_from_db()
    assert row.state == "done"
    assert Member.objects.get(pk=row.member_id).erased_at is not None
    entry = AuditEntry.objects.get(action="member.erased")
    assert entry.object_id == str(row.member_id)


def test_an_operator_reads_and_deletes_nothing(request_of):
    row = request_of()
    client = signed_in(Role.HQ_OPERATOR)
    assert client.get(LIST).status_code == 200

    client.post(LIST, {"action": "erase", "_selected_action": [row.pk]})

    row.refresh_from_db()
    assert row.state == "open"


def test_a_saved_sentence_refuses_once(request_of):
    row = request_of()
    client = signed_in(Role.HQ_ADMIN)
    path = reverse("admin:member_portal_datarequest_change", args=[row.pk])

    assert client.post(path, {"answer": " "}).status_code == 200
    client.post(path, {"answer": "退货还没办完"})
    client.post(path, {"answer": "另一句"})

    row.refresh_from_db()
    assert (row.state, row.answer) == ("refused", "退货还没办完")


def test_a_new_text_is_a_new_version_from_its_day(db):
    now = clock.now()
    ConsentText.objects.create(
        purpose="membership", version="2027-01", title="会员服务", body="新文本",
        valid_from=now + timedelta(days=1),
    )  # fmt: skip

    def shown(moment):
        return {text.purpose: text.version for text in current_texts(now=moment)}["membership"]

    assert shown(now) == "2026-01"
    assert shown(now + timedelta(days=2)) == "2027-01"


@pytest.mark.parametrize(("label", "words"), [("member", "顾客本人"), ("user", "王敏"), ("", "")])
def test_who_settled_a_request_stands_by_name(request_of, label, words):
    client = signed_in(Role.HQ_ADMIN)
    user = User.objects.get()
    User.objects.update(last_name="王", first_name="敏")
    row = request_of()
    settled = f"user:{user.pk}" if label == "user" else label
    DataRequest.objects.filter(pk=row.pk).update(settled_by=settled)

    page = client.get(reverse("admin:member_portal_datarequest_change", args=[row.pk]))

    shown = page.context["adminform"].fieldsets[0][1]["fields"]
    assert "settled_by" not in str(shown)
    content = page.content.decode()
    assert f"user:{user.pk}" not in content
    assert words in content
    assert ("顾客本人" in content) == (label == "member")
