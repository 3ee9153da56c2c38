"""One WeCom account lets in one person, however its corp is written."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import User

pytestmark = pytest.mark.django_db


def user(username, corp_id):
    return User(
        username=username,
        password="!",
        role=Role.HQ_ADMIN,
        wecom_userid="hejing",
        wecom_corp_id=corp_id,
    )


@pytest.mark.parametrize(("there", "new"), [("", "wwfirst"), ("wwfirst", ""), ("", "")])
def test_an_account_that_may_be_somebody_elses_is_refused(there, new):
    user("one", there).save()

    with pytest.raises(ValidationError):
        user("two", new).full_clean()


def test_the_same_name_in_two_named_corps_is_two_people():
    one = user("one", "wwfirst")
    one.save()

    user("two", "wwsecond").full_clean()
    one.full_clean()


def test_the_form_says_what_to_do(admin_client):
    user("one", "").save()
    two = User.objects.create(username="two", role=Role.HQ_ADMIN)
    fields = {
        "username": "two", "role": Role.HQ_ADMIN, "is_active": "on", "wecom_userid": "hejing",
        "wecom_corp_id": "wwfirst", "date_joined_0": "2026-01-01", "date_joined_1": "00:00",
    }  # fmt: skip

    page = admin_client.post(reverse("admin:accounts_user_change", args=[two.pk]), fields)

    assert "已有用户使用同名企微账号" in page.content.decode()
