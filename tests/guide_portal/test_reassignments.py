"""接手: who receives customers has it on the phone, accepts or says what is wrong; the manager
decides."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.handovers import services
from apps.handovers.models import Reassignment
from apps.members.models import Member, ServingPeriod
from apps.outreach.models import GuideNotice
from tests.factories.cases import lead_actor
from tests.factories.facts import make_members
from tests.guide_portal.conftest import signed_in

pytestmark = pytest.mark.django_db


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def text_of(response):
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def unserved(shop, count):
    members = make_members(count)
    Member.objects.filter(pk__in=[one.pk for one in members]).update(home_store=shop.store)
    return members


@pytest.fixture
def nobodys(shop):
    """Members of the store whom nobody serves."""
    return unserved(shop, 3)


@pytest.fixture
def given(shop, nobodys, managers_phone, act):
    """The manager gives them to the guide, in one tap of 分配."""
    managers_phone.post(
        url("assign_members"), act(to=shop.guide.pk, row=[one.pk for one in nobodys])
    )
    return Reassignment.objects.get()


def test_who_receives_customers_reads_why_and_accepts_in_one_tap(shop, given, phone, act):
    today = text_of(phone.get(url("today")))
    assert "有 3 位客户来到你这里" in today
    assert url("reassignments") in today
    card = GuideNotice.objects.get(source=str(given))
    assert (card.guide, card.path) == (shop.guide, url("reassignment", given.pk))
    page = text_of(phone.get(card.path))
    assert "原来没有导购" in text_of(phone.get(url("reassignments")))
    assert "店长" in page
    assert page.count("还不是你的企微好友") == 3

    for _time in range(2):
        assert phone.post(url("accept_reassignment", given.pk), act()).status_code == 302

    given.refresh_from_db()
    assert (given.state, given.answered_at) == ("accepted", shop.now)
    assert AuditEntry.objects.filter(action="reassignment.accepted").count() == 1
    assert "位客户来到你这里" not in text_of(phone.get(url("today")))
    assert "我来接手" not in text_of(phone.get(card.path))


def test_the_next_step_of_each_is_work_then_a_date_then_a_greeting(shop, act):
    """A colleague's friends come over with their open task."""
    services.share_members(
        store=shop.store,
        member_ids=[one.pk for one in shop.members],
        among=[shop.colleague.pk],
        moved_from=shop.guide,
        actor=lead_actor(shop.manager, shop.now),
        now=shop.now,
    )
    row = Reassignment.objects.get()
    colleague = signed_in(shop.colleague)
    for days, member in ((3, shop.members[0]), (1, shop.members[1])):
        day = clock.business_day(shop.now) + timedelta(days=days)
        colleague.post(url("follow_up", member.public_id), act(due_on=day.isoformat()))

    page = text_of(colleague.get(url("reassignment", row.pk)))

    assert f"原来由{shop.guide.name}服务" in page
    steps = re.findall(r'<span class="sub clip block">([^<]+)</span>', page)
    assert [one.endswith("跟进") for one in steps] == [True, True, False]


def test_what_is_wrong_goes_to_the_manager_who_gives_them_on(
    shop, given, nobodys, phone, managers_phone, act
):
    refused = phone.post(url("question_reassignment", given.pk), act(words="  "))
    assert refused.status_code == 400
    numbered = act(words="TA 的号码是 13800138000")
    kept = phone.post(url("question_reassignment", given.pk), numbered)
    assert kept.status_code == 409
    assert "13800138000" in kept.content.decode()
    assert "请去掉" in kept.content.decode()
    for _time in range(2):
        phone.post(url("question_reassignment", given.pk), act(words="我下周休假"))

    card = GuideNotice.objects.get(guide=shop.manager, title="客户接手有问题")
    assert card.path == url("reassignment", given.pk)
    waiting = text_of(managers_phone.get(url("approvals")))
    assert "我下周休假" in waiting
    assert url("reassignment", given.pk) in waiting
    assert url("reassignment", given.pk) not in text_of(managers_phone.get(url("alerts")))
    page = text_of(managers_phone.get(url("reassignment", given.pk)))
    assert f'value="{shop.colleague.pk}"' in page
    assert f"{shop.guide.name} · 3 位客户" in page
    assert "我来接手" not in page
    with clock.at(shop.now + timedelta(hours=1)):
        for _time in range(2):
            managers_phone.post(
                url("settle_reassignment", given.pk), act(act="give", to=shop.colleague.pk)
            )

    given.refresh_from_db()
    assert (given.state, given.settled_by) == ("over", f"guide:{shop.manager.pk}")
    now_with = ServingPeriod.objects.current().filter(member__in=nobodys)
    assert set(now_with.values_list("guide", flat=True)) == {shop.colleague.pk}
    onward = Reassignment.objects.exclude(pk=given.pk).get()
    assert (onward.kind, onward.guide, onward.from_guide) == (
        "moved_on", shop.colleague, shop.guide,
    )  # fmt: skip
    assert "我下周休假" not in text_of(managers_phone.get(url("approvals")))


def test_the_manager_may_answer_with_a_word_and_they_stay(shop, given, phone, managers_phone, act):
    phone.post(url("question_reassignment", given.pk), act(words="太多了"))
    settle = url("settle_reassignment", given.pk)
    assert managers_phone.post(settle, act(act="stay", word="")).status_code == 400
    for _time in range(2):
        managers_phone.post(settle, act(act="stay", word="先接手，下周再看"))

    given.refresh_from_db()
    assert (given.state, given.word) == ("settled", "先接手，下周再看")
    assert "先接手，下周再看" in text_of(phone.get(url("reassignment", given.pk)))
    assert GuideNotice.objects.filter(guide=shop.guide, title="店长已答复").count() == 1
    assert ServingPeriod.objects.current().filter(guide=shop.guide).count() == 6


def test_nobody_answers_for_a_colleague(shop, given, act):
    colleague = signed_in(shop.colleague)

    assert colleague.get(url("reassignment", given.pk)).status_code == 404
    assert colleague.post(url("accept_reassignment", given.pk), act()).status_code == 404
    assert colleague.post(url("settle_reassignment", given.pk), act()).status_code == 403

    given.refresh_from_db()
    assert given.state == "waiting"


def test_what_nobody_accepts_in_its_days_is_put_before_the_manager_once(
    shop, given, managers_phone, settings
):
    settings.REASSIGNMENT_DAYS = 2
    early, late = shop.now + timedelta(days=1, hours=23), shop.now + timedelta(days=2, hours=1)
    assert services.tell_unaccepted(now=early) == 0
    assert "还没人接手的客户" not in text_of(managers_phone.get(url("alerts")))

    assert services.tell_unaccepted(now=late) == 1
    assert services.tell_unaccepted(now=late) == 0

    assert GuideNotice.objects.filter(guide=shop.manager, source=f"{given}:late").count() == 1
    with clock.at(late):
        page = text_of(managers_phone.get(url("alerts")))
    assert "3 位客户待接手" in page
    assert url("reassignment", given.pk) in page


def test_a_cover_is_accepted_and_over_when_the_colleague_is_back(shop, managers_phone, act):
    day = clock.business_day(shop.now)
    fields = {"covering": shop.colleague.pk, "first": day, "last": day + timedelta(days=2)}
    for _time in range(2):
        managers_phone.post(url("start_cover", shop.guide.pk), act(**fields))

    row = Reassignment.objects.get()
    assert (row.kind, row.customers, row.until_on) == ("cover", 3, fields["last"])
    colleague = signed_in(shop.colleague)
    assert f"你为{shop.guide.name}代班" in text_of(colleague.get(url("reassignment", row.pk)))
    managers_phone.post(url("end_cover", row.cover_id), act())

    row.refresh_from_db()
    assert row.state == "over"
    assert "位客户来到你这里" not in text_of(colleague.get(url("today")))


def test_pages_ask_as_often_for_many_as_for_few(shop, managers_phone, act):
    def ask(client, address):
        client.get(address)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            text_of(client.get(address))
        return len(queries)

    counts = []
    phone = signed_in(shop.guide)
    for size in (1, 12):
        for _one in range(1 if size == 1 else 4):
            members = unserved(shop, size)
            with clock.at(shop.now + timedelta(seconds=Reassignment.objects.count())):
                managers_phone.post(
                    url("assign_members"), act(to=shop.guide.pk, row=[one.pk for one in members])
                )
        row = Reassignment.objects.latest("pk")
        phone.post(url("question_reassignment", row.pk), act(words="太多了"))
        counts.append(
            [
                ask(phone, url("reassignments")),
                ask(phone, url("reassignment", row.pk)),
                ask(phone, url("today")),
                ask(managers_phone, url("alerts")),
                ask(managers_phone, url("approvals")),
            ]
        )

    assert counts[0] == counts[1]
    assert max(counts[0]) <= 12
