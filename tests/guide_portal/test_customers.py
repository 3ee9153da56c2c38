"""客户: lists with an end, looks that are asked for, one tap that is one act."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.guide_portal import lists
from apps.guide_portal.hints import hints_in
from apps.guide_portal.lists import list_page
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import TaskPush, TaskTarget
from apps.members import services as members
from apps.members.models import (
    AccessRequest,
    ConfirmedFact,
    FollowRelation,
    FollowUp,
    Interaction,
    LookUp,
    Member,
    MemberIdentity,
)
from apps.outreach.models import Dispatch, DispatchRecipient, GuideNotice
from apps.profiles.models import StageVersion
from apps.profiles.services import refresh_profiles
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide
from apps.timeline.models import MemberEvent
from tests.factories.facts import make_member, make_store
from tests.factories.outreach import make_friends
from tests.factories.tasks import buy
from tests.guide_portal.conftest import open_shop, signed_in

DAY = timedelta(days=1)


def at(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def actor_of(guide, now):
    return actor_for(user=user_of_guide(guide=guide), now=now)


def listed(guide, code, now):
    rows, more = list_page(code=code, actor=actor_of(guide, now), page=1, now=now)
    assert more is None
    return [row.person.pk for row in rows]


def friends_of(guide, count, now, *, since=60):
    return [member for member, _ext in make_friends(guide, count, since=now - since * DAY)]


@pytest.fixture
def bought(shop):
    """Friends without any task, by days since they bought: 45 (due) and 200 (silent)."""
    StageVersion.objects.create(published_at=shop.now - timedelta(days=600))
    due, silent, other = friends_of(shop.guide, 3, shop.now, since=300)
    buy(due, shop.store, shop.now - 45 * DAY, now=shop.now)
    buy(silent, shop.store, shop.now - 200 * DAY, fen=90_000, now=shop.now)
    buy(other, shop.store, shop.now - 210 * DAY, fen=50_000, now=shop.now)
    refresh_profiles(member_ids=[due.pk, silent.pk, other.pk], now=shop.now)
    shop.due, shop.silent, shop.other = due, silent, other
    return shop


# --- lists ---------------------------------------------------------------------------------------


def test_own_dates_come_first_then_who_is_due_by_purchase_and_contact(bought):
    guide, now = bought.guide, bought.now
    promised = bought.members[0]
    members.set_follow_up(
        member_id=promised.pk, guide_id=guide.pk, due_on=clock.business_day(now),
        client_id=uuid.uuid4(), now=now,
    )  # fmt: skip

    assert listed(guide, "due", now) == [promised.pk, bought.due.pk]

    members.record_interaction(
        member_id=bought.due.pk, guide_id=guide.pk, kind="message", occurred_at=now, source="x"
    )
    assert listed(guide, "due", now) == [promised.pk]


def test_silent_ones_stand_by_value_and_the_list_has_a_setting_for_its_end(bought, settings):
    now = bought.now
    assert listed(bought.guide, "silent", now) == [bought.silent.pk, bought.other.pk]

    settings.SILENT_A_DAY = 1

    assert listed(bought.guide, "silent", now) == [bought.silent.pk]


def agree_to_birthday(member, now):
    members.give_consent(
        member_id=member.pk, purpose="birthday", text_version="v1", channel="pos",
        given_at=now, actor=SYSTEM,
    )  # fmt: skip


def test_birthdays_of_seven_days_stand_in_their_order_with_last_years_action(shop):
    now, (today, later, far) = shop.now, shop.members
    for member, ahead in ((today, 0), (later, 6), (far, 20)):
        day = clock.business_day(now) + ahead * DAY
        Member.objects.filter(pk=member.pk).update(birth_month=day.month, birth_day=day.day)
        agree_to_birthday(member, now)
    (silent_about_it,) = friends_of(shop.guide, 1, now, since=30)
    day = clock.business_day(now)
    Member.objects.filter(pk=silent_about_it.pk).update(birth_month=day.month, birth_day=day.day)
    members.record_interaction(
        member_id=later.pk, guide_id=shop.guide.pk, kind="message",
        occurred_at=now - 361 * DAY, source="last year",
    )  # fmt: skip

    rows, _more = list_page(code="birthday", actor=actor_of(shop.guide, now), page=1, now=now)

    assert [row.person.pk for row in rows] == [today.pk, later.pk]
    assert "去年没有联系" in rows[0].words
    assert "去年发过消息" in rows[1].words


def test_a_new_friend_stands_until_somebody_has_greeted_them(shop):
    now = shop.now
    (fresh,) = friends_of(shop.guide, 1, now, since=1)

    assert listed(shop.guide, "new", now) == [fresh.pk]

    members.record_interaction(
        member_id=fresh.pk, guide_id=shop.guide.pk, kind="chat_opened", occurred_at=now, source="x"
    )
    assert listed(shop.guide, "new", now) == []


def test_care_leads_to_the_work_that_the_rule_made_until_ta_was_asked(shop, phone, act):
    now, (first, second, third) = shop.now, shop.targets
    TaskPush.objects.filter(pk=shop.push.pk).update(kind="care")
    TaskTarget.objects.filter(pk=second.pk).update(due_at=first.due_at - DAY)
    TaskTarget.objects.filter(pk=third.pk).update(opens_at=now + timedelta(hours=1))

    assert listed(shop.guide, "care", now) == [second.member_id, first.member_id]
    page = phone.get(at("customer_list", "care")).content.decode()
    assert at("target", first.pk) in page
    assert first.why in page
    assert listed(shop.colleague, "care", now) == [one.member_id for one in shop.foreign]

    phone.post(at("not_suitable", second.pk), act(reason="just_talked"))
    TaskTarget.objects.filter(pk=first.pk).update(state="done", done_at=now)
    assert listed(shop.guide, "care", now) == []


def test_who_bought_and_is_nobodys_friend_is_a_prompt_on_list_and_card(shop, phone):
    member, now = shop.members[0], shop.now
    FollowRelation.objects.filter(member=member).update(until=now, ended_by="customer")
    buy(member, shop.store, now - DAY, now=now)

    assert listed(shop.guide, "unlinked", now) == [member.pk]
    record = phone.get(at("customer", member.public_id)).context["page"]
    assert record.sending.href == "#friend"
    assert "再加" in record.sending.label
    assert record.friend_words


def test_the_tab_counts_each_list_and_each_list_says_where_it_ends(bought):
    client = signed_in(bought.guide)
    stranger = make_member()  # bought, but is not of this guide
    buy(stranger, bought.store, bought.now - DAY, now=bought.now)

    page = client.get(at("customers")).content.decode()
    counts = dict(re.findall(r'data-entry="(\w+)">(\d+)', page))
    listing = client.get(at("customer_list", "silent")).content.decode()

    assert counts == {
        "due": "1", "care": "0", "birthday": "0", "new": "0", "silent": "2", "unlinked": "0",
    }  # fmt: skip
    assert "没有更多了" in listing
    assert f"{at('message', bought.silent.public_id)}?for=silent" in listing
    assert client.get(at("customer_list", "nobody")).status_code == 404


@pytest.mark.parametrize("code", lists.CODES)
def test_a_list_asks_as_often_for_many_as_for_few(db, fixed_clock, code):
    few, many = (open_shop(fixed_clock, friends=size, guides=1) for size in (2, 8))
    today = clock.business_day(fixed_clock)
    everybody = Member.objects.filter(pk__in=[m.pk for shop in (few, many) for m in shop.members])
    everybody.update(birth_month=today.month, birth_day=today.day, joined_at=fixed_clock)

    counted = []
    for shop in (few, many):
        client = signed_in(shop.guide)
        client.get(at("customer_list", code))
        with CaptureQueriesContext(connection) as found:
            assert client.get(at("customer_list", code)).status_code == 200
        counted.append(len(found))

    assert counted[0] == counted[1] <= 12


# --- the card ------------------------------------------------------------------------------------


def test_the_card_and_the_tab_stay_within_twelve_questions(shop, phone):
    member = shop.members[0]
    for number in range(3):
        buy(member, shop.store, shop.now - number * DAY, now=shop.now)
    for address in (at("customer", member.public_id), at("customers")):
        phone.get(address)
        with CaptureQueriesContext(connection) as found:
            phone.get(address)
        assert len(found) <= 12, address


def test_a_date_is_one_tap_and_the_same_form_twice_is_one_date(shop, phone, act):
    member = shop.members[0]
    fields = act(due_on=(clock.business_day(shop.now) + DAY).isoformat())

    for _time in range(2):
        answer = phone.post(at("follow_up", member.public_id), fields)
        assert answer.url.endswith("#next")

    assert FollowUp.objects.standing().count() == 1
    assert "明天" in phone.get(at("customer", member.public_id)).context["page"].follow_up
    phone.post(at("follow_up_done", member.public_id), act())
    assert not FollowUp.objects.standing().exists()


def test_a_visit_asks_once_why_and_one_tap_answers(shop, phone, act):
    member = shop.members[0]
    phone.post(at("visit", member.public_id), act())
    page = phone.get(at("customer", member.public_id)).context["page"]
    assert page.visit_today.asks

    phone.post(
        at("visit_reason", member.public_id),
        act(visit=page.visit_today.visit_id, reason="no_size"),
    )

    page = phone.get(at("customer", member.public_id)).context["page"]
    assert not page.visit_today.asks
    assert page.visits[0][1] == "1 次"
    assert Interaction.objects.get(kind="visit").reason == "no_size"


def test_words_of_a_note_are_offered_and_kept_only_by_a_tap(shop, phone, act):
    member = shop.members[0]
    phone.post(at("note", member.public_id), act(body="37 码，不要黑色，喜欢米色，给妈妈买"))
    page = phone.get(at("customer", member.public_id)).context["page"]
    assert [hint.word for hint in page.hints] == ["37 码", "米色", "给妈妈买"]
    assert not ConfirmedFact.objects.exists()

    for _time in range(2):
        phone.post(at("fact", member.public_id), act(kind="size", word="37 码"))
    refused = phone.post(at("fact", member.public_id), act(kind="family", word="怀孕"))

    assert ConfirmedFact.objects.get().word == "37 码"
    assert refused.status_code == 400
    page = phone.get(at("customer", member.public_id)).context["page"]
    assert [hint.word for hint in page.hints] == ["米色", "给妈妈买"]
    phone.post(at("fact", member.public_id), act(kind="size", word="37 码", drop="1"))
    assert not ConfirmedFact.objects.exists()


def test_what_is_said_not_to_be_wanted_is_no_hint():
    assert hints_in("不喜欢粉色，别买黑色") == []
    assert [hint.word for hint in hints_in("平时 38.5码，上班穿")] == ["38.5 码", "通勤"]


def test_likings_need_two_purchases_and_count_what_was_kept(shop, phone):
    member, now = shop.members[0], shop.now
    address = at("customer", member.public_id)
    buy(member, shop.store, now - 9 * DAY, number="A1", now=now)
    assert phone.get(address).context["page"].likings == []

    buy(member, shop.store, now - 8 * DAY, number="A2", now=now)
    likings = phone.get(address).context["page"].likings

    assert [(one.name, one.value, one.count) for one in likings][:2] == [
        ("尺码", "38 码", "2 件里 2 件"),
        ("颜色", "白", "2 件里 2 件"),
    ]


def test_who_asked_to_stop_has_no_send_button(shop, phone):
    member = shop.members[0]
    members.stop_contact(
        member_id=member.pk, source="test", now=shop.now, actor=actor_of(shop.guide, shop.now)
    )

    page = phone.get(at("customer", member.public_id))

    assert (page.context["page"].sending.href, page.context["page"].sending.off) == ("", "")
    assert "data-online-only" not in page.content.decode()


# --- a word of the guide's own -------------------------------------------------------------------


def test_from_the_list_to_a_message_is_two_taps_and_the_result_is_a_contact(bought, act):
    client, member = signed_in(bought.guide), bought.silent
    page = client.get(at("message", member.public_id), {"for": "silent"})
    assert page.status_code == 200
    assert page.context["page"].refusal == ""
    fields = act(text=page.context["text"])

    for _time in range(2):
        client.post(at("message", member.public_id), fields)

    dispatch = Dispatch.objects.get(source__startswith="personal:")
    receiver = dispatch.recipients.get()
    assert client.get(at("customer", member.public_id)).context["page"].sending.off
    assert listed(bought.guide, "silent", bought.now)[0] == member.pk
    receiver.state, receiver.result_at = DispatchRecipient.State.DELIVERED, bought.now
    receiver.save()
    for _time in range(2):
        guide_tasks.apply_result(recipient=receiver)
    assert Interaction.objects.filter(member=member, kind="message").count() == 1
    assert MemberEvent.objects.filter(member_id=member.pk, kind="contact.graded").count() == 1
    assert member.pk not in listed(bought.guide, "silent", bought.now)


def test_a_customer_with_a_task_is_written_to_for_that_task(shop, phone):
    answer = phone.get(at("message", shop.members[0].public_id))

    assert answer.url == at("target", shop.targets[0].pk)


def test_a_message_that_may_not_be_sent_keeps_its_words(bought, act):
    client, member = signed_in(bought.guide), bought.silent
    members.withdraw_consent(
        member_id=member.pk, purpose="wecom_marketing", channel="test", now=bought.now,
        actor=actor_of(bought.guide, bought.now),
    )  # fmt: skip

    answer = client.post(at("message", member.public_id), act(text="我自己写的"))

    assert answer.status_code == 409
    assert "我自己写的" in answer.content.decode()
    assert not Dispatch.objects.filter(source__startswith="personal:").exists()


# --- finding -------------------------------------------------------------------------------------


def number_of(member, phone_number):
    """A member as the till knows them: phone and member number."""
    members.resolve_members(
        rows=[members.MemberRow(identities=[("phone", "", phone_number)])],
        now=clock.now(), source="test", actor=SYSTEM,
    )  # fmt: skip
    MemberIdentity.objects.filter(kind="phone", last4=phone_number[-4:]).update(member=member)
    Member.objects.filter(pk=member.pk).update(phone_last4=phone_number[-4:])


def find(client, words):
    return client.post(at("customers"), {"words": words})


def test_a_full_phone_a_code_and_a_receipt_lead_straight_to_the_card(shop, phone):
    member = shop.members[0]
    number_of(member, "13912345678")
    members.resolve_members(
        rows=[
            members.MemberRow(
                identities=[("phone", "", "13912345678"), ("member_no", "", "M100001")]
            )
        ],
        now=shop.now, source="test", actor=SYSTEM,
    )  # fmt: skip
    buy(member, shop.store, shop.now, number="POS-0099", now=shop.now)

    card = at("customer", member.public_id)
    for words in ("13912345678", "M100001", "POS-0099"):
        assert find(phone, words).url == card, words
    assert LookUp.objects.filter(own=1, others=0).count() == 3


def test_others_are_masked_and_the_way_to_them_is_a_request(shop, phone, managers_phone, act):
    far, west = make_member(), make_store(region="west")
    Member.objects.filter(pk=far.pk).update(phone_last4="7788", home_store=west)
    page = find(phone, "7788")
    text = page.content.decode()
    (other,) = page.context["others"]
    assert "林晓雯" not in text
    assert str(far.public_id) not in text
    assert phone.get(at("customer", far.public_id)).status_code == 404

    fields = act(ticket=other.ticket, reason="in_shop")
    for _time in range(2):
        assert phone.post(at("ask_access"), fields).status_code == 302
    asked = AccessRequest.objects.get()
    assert managers_phone.get(at("approvals")).context["rows"][0].row.request_id == asked.pk
    asked_for = GuideNotice.objects.filter(at_once=True)
    assert asked_for.filter(guide=shop.manager, path=at("approvals")).count() == 1
    assert find(phone, "7788").context["others"][0].is_asked

    managers_phone.post(at("decide_access", asked.pk), act(grant="yes"))

    record = phone.get(at("customer", far.public_id)).context["page"]
    assert record.is_granted
    assert not record.may_write
    assert record.sending.href == ""
    assert AuditEntry.objects.filter(action="member.access_used").count() == 1
    assert phone.post(at("note", far.public_id), act(body="x")).status_code == 404
    assert asked_for.filter(guide=shop.guide, source__endswith=":decided").count() == 1
    with clock.at(shop.now + 2 * DAY):
        assert phone.get(at("customer", far.public_id)).status_code == 404


def test_a_ticket_of_somebody_else_or_none_opens_nothing(shop, phone, managers_phone, act):
    far = make_member()
    Member.objects.filter(pk=far.pk).update(phone_last4="7788")
    ticket = find(phone, "7788").context["others"][0].ticket

    assert managers_phone.get(at("ask_access"), {"ticket": ticket}).status_code == 404
    assert phone.get(at("ask_access"), {"ticket": f"{far.public_id}"}).status_code == 404
    assert (
        managers_phone.post(at("ask_access"), act(ticket=ticket, reason="in_shop")).status_code
        == 404
    )


def test_many_alike_are_not_listed_at_all(shop, phone):
    for _number in range(6):
        Member.objects.filter(pk=make_member().pk).update(phone_last4="7788")

    page = find(phone, "7788")

    assert page.context["too_many"] is True
    assert page.context["others"] == []


def test_look_ups_beyond_the_limit_are_refused_and_names_go_on(shop, phone, settings):
    settings.LOOKUPS_AN_HOUR = 1
    find(phone, "7788")

    refused = phone.post(at("customers"), {"words": "7788"}, follow=True)

    assert "按姓名" in refused.content.decode()
    assert find(phone, "林晓").status_code == 200
    assert LookUp.objects.count() == 1
