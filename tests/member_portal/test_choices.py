"""What a member sets counts at once: queued messages end, forecasts shrink, data goes."""

import json
import re
import uuid
from datetime import date, time, timedelta
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM, Actor
from apps.core import clock
from apps.customer_groups.models import GroupMembership
from apps.guide_tasks.models import TaskPush, TaskTarget
from apps.guide_tasks.services import forecast
from apps.handovers.models import HandoverItem, HandoverRun
from apps.member_portal import holdings
from apps.member_portal.models import DataRequest
from apps.member_portal.services import contact_codes, erasure, requests
from apps.members import services as members
from apps.members.models import (
    ConfirmedFact,
    Consent,
    JoinRefusal,
    Member,
    MemberIdentity,
    MemberNote,
    StopMark,
)
from apps.members.services.identities import MemberRow
from apps.orders.models import Order
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, DispatchRecipient, SmsMessage
from apps.profiles.models import MemberFacts, MemberProfile
from apps.timeline.models import MemberEvent
from tests.factories.facts import make_phone
from tests.factories.groups import make_group
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import buy, hand_out, make_push, tap, target_of
from tests.member_portal.conftest import sign_in

pytestmark = pytest.mark.django_db

CHOICES = reverse("member_portal:choices")
DATA = reverse("member_portal:data")
HQ = Actor(user_id=1, role="hq_admin", sees_all=True)


@pytest.fixture
def me(shop, customer):
    """A friend of the guide who agreed to messages, signed in by a code on their own phone."""
    since = clock.now() - timedelta(days=30)
    [(member, external)] = make_friends(shop.guide, 1, simulator=shop.simulator, since=since)
    phone = make_phone()
    row = MemberRow(identities=[("external_userid", CORP, external), ("phone", "", phone)])
    members.resolve_members(rows=[row], now=since, source="pos", actor=SYSTEM)
    assert sign_in(customer, shop.simulator, phone).url == reverse("member_portal:home")
    return SimpleNamespace(member=member, external=external, phone=phone, page=customer)


def act(**more):
    return {"client_id": str(uuid.uuid4()), **more}


def handed_over(me, shop, now):
    """Somebody plans to give TA to a colleague."""
    run = HandoverRun.objects.create(
        corp_id=shop.guide.corp_id, kind="on_job", guide=shop.guide, store=shop.store,
        to_store=shop.store, planned_by="hq", planned_at=now,
    )  # fmt: skip
    HandoverItem.objects.create(
        run=run, guide=shop.guide, member=me.member, external_userid=me.external
    )


def confirm(me, shop, now):
    members.confirm_fact(
        member_id=me.member.pk, guide_id=shop.guide.pk, kind="colour", word="米色", now=now
    )


def refused_once(me, shop, now):
    JoinRefusal.objects.create(
        member=me.member, guide=shop.guide, reason="number", client_id=uuid.uuid4(), at=now
    )


def queued(me, now):
    hours = {"contact_from": time(0, 0), "contact_until": time(0, 0)}  # day and night
    target = target_of(hand_out([me.member], now, title="新品", **hours), me.member)
    tap(target, now)
    return target, Dispatch.objects.get()


def test_one_step_stops_what_is_queued_and_what_is_planned(shop, me):
    now = clock.now()
    draft = make_push([me.member], now, title="下一个")
    before = forecast(push=draft, now=now)
    target, dispatch = queued(me, now)

    assert me.page.post(reverse("member_portal:stop")).url == CHOICES

    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.SUPPRESSED
    assert outreach.send_queued(now=clock.now()) == 0
    assert shop.simulator.get("/sim/sends")["sends"] == []
    target.refresh_from_db()
    assert (target.state, target.excuse_reason) == ("not_applicable", "asked_to_stop")
    after = forecast(push=draft, now=clock.now())
    assert (before.reachable, after.reachable) == (1, 0)
    # a second tap is the same stop
    me.page.post(reverse("member_portal:stop"))
    assert StopMark.objects.count() == 1


def test_what_waits_on_the_guides_phone_is_taken_back(shop, me):
    now = clock.now()
    _target, dispatch = queued(me, now)
    outreach.send_queued(now=clock.now())

    me.page.post(reverse("member_portal:stop"))

    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.HANDED_OVER
    assert dispatch.expires_at <= clock.now()  # ended at the next poll, due now


def test_withdrawing_is_one_step_and_calls_off_marketing(shop, me):
    now = clock.now()
    _target, dispatch = queued(me, now)
    page = me.page.get(CHOICES).content.decode()
    assert page.count('name="purpose"') == 4

    me.page.post(reverse("member_portal:withdraw"), {"purpose": "wecom_marketing"})

    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.SUPPRESSED
    row = Consent.objects.get(member=me.member, purpose="wecom_marketing")
    assert row.withdrawn_at is not None
    assert row.withdrawn_channel == "member_page"
    kinds = MemberEvent.objects.filter(member_id=me.member.pk).values_list("kind", flat=True)
    assert "consent.withdrawn" in kinds


def test_marketing_work_ends_with_the_consent_and_is_held_against_nobody(shop, me):
    now = clock.now()
    target = target_of(hand_out([me.member], now, title="新品"), me.member)

    me.page.post(reverse("member_portal:withdraw"), {"purpose": "sms_marketing"})
    target.refresh_from_db()
    assert target.state == "open"
    for _time in range(2):
        me.page.post(reverse("member_portal:withdraw"), {"purpose": "wecom_marketing"})

    target.refresh_from_db()
    assert (target.state, target.excuse_reason) == ("not_applicable", "consent_gone")
    assert "birthday" not in target.excuse_sentence


def test_care_after_a_purchase_goes_on_without_the_consent_to_marketing(shop, me):
    target = target_of(hand_out([me.member], clock.now(), title="新品"), me.member)
    TaskPush.objects.filter(pk=target.push_id).update(kind=TaskPush.Kind.CARE)

    me.page.post(reverse("member_portal:withdraw"), {"purpose": "wecom_marketing"})

    target.refresh_from_db()
    assert target.state == "open"


def test_agreeing_again_names_the_text_on_the_page(shop, me):
    me.page.post(reverse("member_portal:withdraw"), {"purpose": "wecom_marketing"})
    give = reverse("member_portal:give")

    me.page.post(give, {"purpose": "wecom_marketing", "version": "2019-01"})
    assert not Consent.objects.valid().filter(purpose="wecom_marketing").exists()
    me.page.post(give, {"purpose": "wecom_marketing", "version": "2026-01"})

    row = Consent.objects.valid().get(purpose="wecom_marketing")
    assert (row.text_version, row.channel) == ("2026-01", "member_page")
    assert me.page.post(give, {"purpose": "nonsense", "version": "1"}).status_code == 404


def test_contact_may_be_allowed_again(shop, me):
    me.page.post(reverse("member_portal:stop"))
    me.page.post(reverse("member_portal:allow_again"))

    assert not StopMark.objects.current().exists()


# --- data ----------------------------------------------------------------------------------------


def test_the_copy_holds_what_we_hold_and_nobody_elses(shop, me):
    now = clock.now()
    buy(me.member, shop.store, now - timedelta(days=3), now=now)
    members.add_note(
        member_id=me.member.pk, guide_id=shop.guide.pk, body="喜欢米色", client_id=uuid.uuid4(),
        now=now, actor=Actor(guide_id=shop.guide.pk),
    )  # fmt: skip
    confirm(me, shop, now)
    [(other, _external)] = make_friends(shop.guide, 1)
    buy(other, shop.store, now - timedelta(days=2), now=now)

    answer = me.page.post(reverse("member_portal:copy"), act())

    assert answer["Content-Disposition"].startswith("attachment")
    copy = json.loads(answer.content)
    assert f"+86{me.phone}" in [row["value"] for row in copy["identities"]]
    assert len(copy["orders"]) == 1
    assert copy["notes_of_guides"][0]["text"] == "喜欢米色"
    assert [fact["word"] for fact in copy["facts"]] == ["米色"]
    assert copy["consents"][0]["text_version"] == "v1"
    assert copy["serving_guides"][0]["guide"] == shop.guide.name
    assert DataRequest.objects.get().state == "done"
    page = me.page.post(reverse("member_portal:copy"), act(**{"as": "html"}))
    assert "喜欢米色" in page.content.decode()


def test_what_ta_answered_is_no_empty_place_of_the_copy(shop, me):
    refused_once(me, shop, clock.now())

    page = me.page.post(reverse("member_portal:copy"), act(**{"as": "html"})).content.decode()

    [words] = re.findall(r"标签和备注</h2>(.*?)</section>", page, re.DOTALL)
    assert "不想留手机号" in words
    assert "—" not in words


def test_a_request_to_delete_has_a_due_day_and_stops_contact(shop, me):
    form = act()

    me.page.post(reverse("member_portal:erase"), form)
    me.page.post(reverse("member_portal:erase"), form)
    me.page.post(reverse("member_portal:erase"), act())

    row = DataRequest.objects.get()
    assert row.due_on == requests.due_day(clock.today())
    assert StopMark.objects.current().filter(member=me.member).exists()
    assert str(row.due_on.day) in me.page.get(DATA).content.decode()

    me.page.post(reverse("member_portal:keep_data"), act())
    row.refresh_from_db()
    assert row.state == "taken_back"


def test_fifteen_weekdays():
    assert requests.due_day(date(2026, 3, 18)) == date(2026, 4, 8)  # Wednesday
    assert requests.due_day(date(2026, 3, 21)) == date(2026, 4, 10)  # Saturday


def test_a_refusal_needs_a_sentence_and_its_owner_reads_it(shop, me):
    me.page.post(reverse("member_portal:erase"), act())
    row = DataRequest.objects.get()

    with pytest.raises(requests.AnswerMissing):
        requests.refuse(request_id=row.pk, answer=" ", actor=HQ, now=clock.now())
    requests.refuse(request_id=row.pk, answer="退货还没办完", actor=HQ, now=clock.now())

    assert "退货还没办完" in me.page.get(DATA).content.decode()
    with pytest.raises(requests.RequestSettled):
        erasure.erase(request_id=row.pk, actor=HQ, now=clock.now())


def test_deletion_takes_the_person_and_keeps_the_receipts(shop, me):
    now = clock.now()
    buy(me.member, shop.store, now - timedelta(days=3), now=now)
    members.add_note(
        member_id=me.member.pk, guide_id=shop.guide.pk, body="喜欢米色", client_id=uuid.uuid4(),
        now=now, actor=Actor(guide_id=shop.guide.pk),
    )  # fmt: skip
    confirm(me, shop, now)
    queued(me, now)
    handed_over(me, shop, now)
    contact_codes.want_code(member_id=me.member.pk, guide_id=shop.guide.pk, now=now)
    refused_once(me, shop, now)
    me.page.post(reverse("member_portal:erase"), act())

    with CaptureQueriesContext(connection) as asked:
        row = erasure.erase(request_id=DataRequest.objects.get().pk, actor=HQ, now=clock.now())

    told = [one["sql"] for one in asked]
    pieces = next(n for n, sql in enumerate(told) if 'FROM "stock_stockrequest"' in sql)
    coupons = next(n for n, sql in enumerate(told) if 'UPDATE "loyalty_couponissue"' in sql)
    assert pieces < coupons  # the till's orders hold levels of stock, then coupons
    member = Member.objects.get(pk=me.member.pk)
    assert (member.name, member.phone_last4) == ("", "")
    assert member.erased_at is not None
    assert not MemberIdentity.objects.filter(member=member).exists()
    assert not MemberNote.objects.exists()
    assert not ConfirmedFact.objects.exists()
    assert not JoinRefusal.objects.exists()
    assert not SmsMessage.objects.exists()
    assert contact_codes.make_codes(now=clock.now()) == 0
    assert not Consent.objects.valid().filter(member=member).exists()
    assert StopMark.objects.current().filter(member=member).exists()
    assert Order.objects.filter(member=member).count() == 1
    assert Dispatch.objects.get().text == ""
    assert me.external not in DispatchRecipient.objects.get().external_userid
    assert not TaskTarget.objects.exclude(external_userid="").exists()
    item = HandoverItem.objects.get()
    assert me.external not in item.external_userid
    assert item.state == "cannot"
    assert row.proof["erased"]["notes"] == 1
    assert "orders" in row.proof["kept"]
    # whoever was signed in is nobody now, and the number is free for a new account
    assert me.page.get(reverse("member_portal:home")).status_code == 302


def test_another_members_session_opens_only_their_own(shop, me):
    stranger = Client()

    assert stranger.post(reverse("member_portal:copy"), act()).status_code == 302
    assert stranger.post(reverse("member_portal:stop")).status_code == 302
    assert not StopMark.objects.exists()


# --- how many questions ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["home", "choices", "data", "welcome"])
def test_a_page_asks_the_same_few_questions_whatever_there_is(
    shop, me, name, django_assert_max_num_queries
):
    path = reverse(f"member_portal:{name}")
    me.page.get(path)
    with django_assert_max_num_queries(12) as few:
        me.page.get(path)
    now = clock.now()
    for days in range(6):
        buy(me.member, shop.store, now - timedelta(days=days + 1), now=now)
    with django_assert_max_num_queries(12) as more:
        me.page.get(path)

    assert len(few) == len(more)


def test_the_copy_tells_of_every_room(shop, me):
    now = clock.now()
    members.note_visit(
        member_id=me.member.pk, guide_id=shop.guide.pk, client_id=uuid.uuid4(), now=now,
        actor=Actor(guide_id=shop.guide.pk), reason="gift",
    )  # fmt: skip
    members.set_follow_up(
        member_id=me.member.pk, guide_id=shop.guide.pk, client_id=uuid.uuid4(), now=now,
        due_on=clock.business_day(now) + timedelta(days=3),
    )  # fmt: skip
    group = make_group(shop.guide, shop.store, now, name="会员群")
    GroupMembership.objects.create(
        group=group, wecom_id=me.external, is_customer=True, member=me.member, joined_at=now
    )
    hand_out([me.member], now, title="新品")

    copy = json.loads(me.page.post(reverse("member_portal:copy"), act()).content)

    assert [(row["what"], row["why"]) for row in copy["contacts"]][-1] == ("到店", "送礼")
    assert copy["days_to_turn_to_you"][0]["guide"] == shop.guide.name
    assert [row["group"] for row in copy["groups"]] == ["会员群"]
    assert [row["what"] for row in copy["work_of_guides"]] == ["新品"]
    assert [row["what"] for row in copy["requests"]] == ["数据副本"]
    parts = {part for label, part in holdings.IN_COPY.items() if label in pointing()}
    assert parts <= set(copy)
    page = me.page.post(reverse("member_portal:copy"), act(**{"as": "html"})).content.decode()
    assert all(words in page for words in ("会员群", "送礼", "新品", "根据消费得出的信息"))


def pointing():
    """Every model with a column for a member."""
    return {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Member or field.name == "member_id"
    }


def test_no_room_that_points_at_a_member_is_forgotten_by_the_copy():
    forgotten = pointing() - set(holdings.IN_COPY) - set(holdings.NOT_IN_COPY)

    assert forgotten == set(), "say in member_portal/holdings.py what the copy tells of it"
    assert not set(holdings.IN_COPY) & set(holdings.NOT_IN_COPY)


@pytest.mark.parametrize("model", [MemberProfile, MemberFacts, TaskTarget])
def test_no_column_of_what_is_worked_out_is_forgotten_by_the_copy(model):
    label = model._meta.label
    columns = {field.name for field in model._meta.concrete_fields}

    told, kept = set(holdings.TOLD[label]), set(holdings.NOT_TOLD[label])

    assert told | kept == columns, "say in member_portal/holdings.py whether the copy tells it"
    assert not told & kept


def test_the_copy_tells_what_was_worked_out_and_why_a_guide_let_it_be(shop, me):
    day = date(2026, 3, 9)
    MemberProfile.objects.update_or_create(
        member_id=me.member.pk,
        defaults={
            "stage": "silent", "stage_since": day, "order_count": 7, "order_days": 6,
            "net_fen": 123_400, "orders_365": 3,
        },
    )  # fmt: skip
    hand_out([me.member], clock.now(), title="新品")
    TaskTarget.objects.update(
        value_fen=45_600, state="not_applicable", excuse_reason="other", excuse_sentence="刚买过"
    )

    copy = json.loads(me.page.post(reverse("member_portal:copy"), act()).content)

    told = {row["what"]: row["value"] for row in copy["profile"]}
    assert (told["进入阶段日期"], told["购买天数"]) == ("2026-03-09", "6")
    assert (told["近 365 天订单数"], told["生命周期阶段"]) == ("3", "沉默")
    (work,) = copy["work_of_guides"]
    assert (work["expected"], work["not_done_because"]) == ("456.00", "刚买过")
    page = me.page.post(reverse("member_portal:copy"), act(**{"as": "html"})).content.decode()
    assert all(words in page for words in ("¥456.00", "刚买过", "2026-03-09"))


def test_the_copy_asks_the_same_questions_for_many_orders(shop, me, django_assert_max_num_queries):
    now = clock.now()
    buy(me.member, shop.store, now - timedelta(days=1), now=now)
    with django_assert_max_num_queries(50) as few:
        me.page.post(reverse("member_portal:copy"), act())
    for days in range(8):
        buy(me.member, shop.store, now - timedelta(days=days + 2), now=now)
    with django_assert_max_num_queries(50) as more:
        me.page.post(reverse("member_portal:copy"), act())

    assert len(few) == len(more)
