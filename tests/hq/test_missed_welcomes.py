"""A welcome that came too late is read on the health page, with what was done instead."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.outreach.models import MessageTemplate, Welcome
from apps.outreach.services.welcomes import NewFriend, queue_welcomes
from tests.factories.outreach import make_posted_guide

pytestmark = pytest.mark.django_db


@pytest.fixture
def welcomes_row(admin_client):
    """The row of the health page, read when it is called."""

    def read():
        link = reverse("admin:outreach_welcome_changelist")
        page = admin_client.get(reverse("hq:wecom_health"))
        (row,) = [one for one in page.context["rows"] if one.link == link]
        return row, page.content.decode()

    return read


def new_friend(now, *, seconds_ago):
    guide = make_posted_guide()
    told = NewFriend(guide.corp_id, guide.wecom_userid, "wmLate1", "code1", "s1",
                     now - timedelta(seconds=seconds_ago))  # fmt: skip
    queue_welcomes(friends=[told], now=now)
    return Welcome.objects.get()


@pytest.fixture
def words(db):
    MessageTemplate.objects.create(
        name="欢迎语", body="您好", generic_body="您好，我是{导购}。", is_welcome=True
    )


def test_a_missed_welcome_needs_somebody_and_says_what_was_done(words, moment, welcomes_row):
    assert new_friend(moment, seconds_ago=30).state == Welcome.State.MISSED

    row, page = welcomes_row()

    assert (row.mark, row.value, row.in_order) == ("warn", "0", False)
    assert row.meaning.startswith("错过 1 · 结果未知 0 · 被拒 0")
    assert str(row.advice) == "已请导购补打招呼"
    assert "错过 1 · 结果未知 0 · 被拒 0" in page
    assert "已请导购补打招呼" in page


def test_one_that_went_out_is_in_order(words, moment, welcomes_row):
    welcome = new_friend(moment, seconds_ago=1)
    Welcome.objects.filter(pk=welcome.pk).update(state=Welcome.State.SENT, sent_at=moment)

    row, _page = welcomes_row()

    assert (row.value, row.in_order, str(row.advice)) == ("1", True, "")
    assert row.meaning.startswith("错过 0 ·")
