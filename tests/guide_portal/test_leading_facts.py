"""The facts that lead the card and the sidebar: head office chooses three, the usual ones stay."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from apps.guide_portal.models import LeadingFacts
from apps.members.models import Consent, FollowRelation, Member
from apps.profiles.models import MemberFacts, MemberProfile
from tests.factories.appointments import make_appointment
from tests.factories.outreach import CORP

Fact = LeadingFacts.Fact
DAY = timedelta(days=1)
USUAL = ["上次购买", "累计", "尺码"]


def choose(*facts, stage=""):
    return LeadingFacts.objects.create(stage=stage, first=facts[0], second=facts[1], third=facts[2])


@pytest.fixture
def known(shop):
    """A customer who bought twice, with sizes and a usual category."""
    member = shop.members[0]
    profile = {
        "stage": "active",
        "last_order_on": clock.business_day(shop.now - 23 * DAY),
        "net_fen": 512_300,
        "net_365_fen": 128_600,
        "order_days": 4,
    }
    MemberProfile.objects.update_or_create(member_id=member.pk, defaults=profile)
    Member.objects.filter(pk=member.pk).update(joined_at=shop.now - 90 * DAY)
    facts = {"shoe_size": "37", "favourite_category": "短靴", "usual_gap_days": 45}
    MemberFacts.objects.update_or_create(member_id=member.pk, defaults=facts)
    return member


def leading(page):
    (facts,) = re.findall(r'<dl class="facts gap">(.*?)</dl>', page, re.S)
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", facts))


def rest(page):
    found = re.search(r'id="also">(.*?)</p>', page)
    return found[1] if found else ""


@pytest.fixture(params=["card", "sidebar"])
def page(request, phone, known):
    """Reads the card, or the sidebar beside the chat."""

    def read():
        if request.param == "card":
            answer = phone.get(reverse("guide_portal:customer", args=[known.public_id]))
        else:
            friend = FollowRelation.objects.get(member=known, corp_id=CORP)
            answer = phone.post(
                reverse("guide_portal:sidebar_contact"),
                {"external_userid": friend.external_userid},
                HTTP_HX_REQUEST="true",
            )
        assert answer.status_code == 200
        return answer.content.decode()

    return read


def test_until_head_office_chooses_the_usual_three_lead(page):
    found = page()
    assert leading(found) == {"上次购买": "23 天前", "累计": "¥5,123", "尺码": "37 码"}
    assert rest(found) == ""


def test_what_head_office_chose_leads_and_the_usual_ones_stay_in_a_line(page):
    choose(Fact.NET_365, Fact.CATEGORY, Fact.LAST_PURCHASE)
    found = page()
    assert leading(found) == {
        "近 12 个月": "¥1,286", "常买品类": "短靴", "上次购买": "23 天前",
    }  # fmt: skip
    assert next(iter(leading(found))) == "近 12 个月"
    assert rest(found) == "累计 ¥5,123 · 尺码 37 码"


def test_a_stage_may_have_its_own_three(page, known):
    choose(Fact.ORDER_DAYS, Fact.USUAL_GAP, Fact.LEVEL)
    choose(Fact.LAST_CONTACT, Fact.VISITS, Fact.NET, stage="silent")
    assert leading(page())["购买次数"] == "4 次"
    assert leading(page())["购买间隔"] == "45 天"

    MemberProfile.objects.filter(pk=known.pk).update(stage="silent")
    assert list(leading(page())) == ["最近联系", "90 天到店", "累计"]


def test_every_fact_to_choose_can_be_said_of_who_left_nothing_behind(page, known):
    MemberProfile.objects.filter(pk=known.pk).delete()
    MemberFacts.objects.filter(pk=known.pk).delete()
    FollowRelation.objects.filter(member=known).update(since=clock.now() - 30 * DAY)
    row = choose(*list(Fact)[:3])
    for start in range(0, len(Fact), 3):
        three = (list(Fact) + list(Fact)[:2])[start : start + 3]
        row.first, row.second, row.third = three
        row.save()
        said = leading(page())
        assert list(said) == [str(fact.label) for fact in three]
        assert all(said.values())


def test_friendship_appointment_and_birthday_are_told_by_their_days(page, known, shop):
    choose(Fact.FRIEND_SINCE, Fact.APPOINTMENT, Fact.BIRTHDAY)
    today = clock.business_day(shop.now)
    ahead = today + 3 * DAY
    Member.objects.filter(pk=known.pk).update(birth_month=ahead.month, birth_day=ahead.day)
    row = make_appointment(known, shop.guide, shop.now)
    day = clock.business_day(row.starts_at)

    said = leading(page())
    expected = "今天" if day == today else f"{day.month}月{day.day}日"
    assert said["下次预约"].startswith(expected)
    assert said["加你好友"].endswith("日")
    assert said["生日"] == "–"  # nobody agreed to greetings

    Consent.objects.create(
        member=known, purpose="birthday", channel="store", given_at=shop.now - DAY, text_version="1"
    )
    assert leading(page())["生日"] == "3 天后"


def test_no_choice_asks_the_database_once_more(page, request):
    page()
    with CaptureQueriesContext(connection) as usual:
        page()
    choose(Fact.APPOINTMENT, Fact.FRIEND_SINCE, Fact.BIRTHDAY)
    choose(Fact.VISITS, Fact.LAST_CONTACT, Fact.CATEGORY, stage="active")
    with CaptureQueriesContext(connection) as chosen:
        page()
    most = 12 if "card" in request.node.name else 16
    assert len(chosen) == len(usual) <= most
