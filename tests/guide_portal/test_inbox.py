"""消息: the cards of a guide, also those that were swiped away or did not arrive."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.outreach import services as outreach
from apps.outreach.models import GuideNotice

pytestmark = pytest.mark.django_db
ADDRESS = "guide_portal:messages"
HOUR = timedelta(hours=1)


@pytest.fixture
def quiet(shop):
    """No card but those of the test."""
    GuideNotice.objects.all().delete()
    return shop


def card(shop, title, *, guide=None, at=None, state="queued", **fields):
    guide = guide or shop.guide
    outreach.queue_guide_notices(
        source=f"test:{title}", rows=[(guide.pk, title, "3 位客户", "/g/customers/")],
        not_before=at or shop.now, now=shop.now,
    )  # fmt: skip
    sent_at = at or shop.now if state == "sent" else None
    GuideNotice.objects.filter(source=f"test:{title}").update(
        state=state, sent_at=sent_at, **fields
    )


def page_of(client):
    answer = client.get(reverse(ADDRESS))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_newest_card_stands_first_with_its_time_its_state_and_its_page(quiet, phone):
    card(quiet, "昨天的", at=quiet.now - 24 * HOUR, state="sent")
    card(quiet, "刚才的", at=quiet.now - HOUR, state="sent", acknowledged_at=quiet.now)
    card(quiet, "排队的")
    card(quiet, "没到的", at=quiet.now - 2 * HOUR, state="failed")

    page = page_of(phone)

    places = [page.index(title) for title in ("排队的", "刚才的", "没到的", "昨天的")]
    assert places == sorted(places)
    for words in ("已知道", "正在发往企业微信", "没发到企业微信，看这里"):
        assert page.count(words) == 1
    assert "已发到企业微信" not in page  # the rule, said once above
    assert page.count('href="/g/customers/"') >= 4
    assert "失败" not in page


def test_what_is_for_later_a_colleague_or_nobody_is_not_shown(quiet, phone):
    card(quiet, "明天的", at=quiet.now + HOUR)
    card(quiet, "同事的", guide=quiet.colleague, state="sent")
    card(quiet, "丢弃的", state="dropped")

    page = page_of(phone)
    assert "还没有消息" in page
    assert not any(title in page for title in ("明天的", "同事的", "丢弃的"))


def test_what_came_due_and_was_put_off_stands_there_meanwhile(quiet, phone):
    card(quiet, "稍后的", at=quiet.now + HOUR, reason="手机刚响过，稍后一起提醒")

    page = page_of(phone)
    assert "稍后的" in page
    assert "正在发往企业微信" in page


def test_thirty_are_shown_and_a_path_that_leads_elsewhere_is_no_link(quiet, phone):
    for number in range(31):
        card(quiet, f"第{number}号", at=quiet.now - number * HOUR, state="sent")
    GuideNotice.objects.filter(title="第0号").update(path="https://elsewhere.example/")

    page = page_of(phone)
    assert "第29号" in page
    assert "第30号" not in page
    assert "elsewhere.example" not in page


def test_my_own_page_leads_there(shop, phone):
    assert reverse(ADDRESS) in phone.get(reverse("guide_portal:me")).content.decode()
