"""未入会: one tap to invite, one tap to say why TA did not join, read by whoever asks next."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.members.invites import read_invite
from apps.members.models import Consent, JoinRefusal, Member, MemberNote, StopMark
from apps.timeline.models import MemberEvent


def url(name, member):
    return reverse(f"guide_portal:{name}", args=[member.public_id])


@pytest.fixture
def stranger(shop):
    """A friend of the shop's guide who is no member."""
    Member.objects.filter(pk=shop.members[0].pk).update(joined_at=None)
    return Member.objects.get(pk=shop.members[0].pk)


def test_the_card_leads_to_the_invitation_in_one_tap(shop, stranger, phone):
    card = phone.get(url("customer", stranger)).content.decode()
    assert url("invite", stranger) in card

    page = phone.get(url("invite", stranger)).content.decode()

    assert "data:image/svg" in page  # the code for who stands here
    token = page.split("/m/join/")[1].split("/")[0]
    assert read_invite(token, now=shop.now).guide == shop.guide
    assert 'data-open-chat="#invite"' in page  # the words for who is in the chat


def test_the_page_leads_to_the_card_once_ta_has_joined(shop, stranger, phone):
    address = url("invite", stranger)
    asked = phone.get(address, HTTP_HX_REQUEST="true")
    assert (asked.status_code, asked.get("HX-Redirect")) == (204, None)

    Member.objects.filter(pk=stranger.pk).update(joined_at=shop.now)

    assert phone.get(address, HTTP_HX_REQUEST="true")["HX-Redirect"] == url("customer", stranger)
    assert phone.get(address).url == url("customer", stranger)
    assert "TA 还没入会" not in phone.get(url("customer", stranger)).content.decode()


def test_the_reason_is_one_tap_kept_once_and_read_by_the_next_guide(
    shop, stranger, phone, managers_phone, act
):
    fields = act(reason="number", words="说怕被打电话")
    for _time in range(2):
        assert phone.post(url("not_joined", stranger), fields).status_code == 302

    refusal = JoinRefusal.objects.get()
    assert (refusal.member_id, refusal.guide_id) == (stranger.pk, shop.guide.pk)
    assert refusal.store_id == shop.store.pk
    assert MemberNote.objects.count() == 1  # words are a note, sealed as all of them
    assert MemberEvent.objects.filter(member_id=stranger.pk, kind="join.refused").count() == 1
    seen = managers_phone.get(url("customer", stranger)).content.decode()
    assert f"不想留手机号 · {shop.guide.name}" in seen
    assert "说怕被打电话" in seen
    assert "邀请入会，TA 暂未入会" in seen  # in the story too


def test_beside_the_chat_the_card_is_filled_again(shop, stranger, phone, act):
    answer = phone.post(
        url("not_joined", stranger), act(reason="hurry"), HTTP_HX_REQUEST="true"
    ).content.decode()
    assert "已记下" in answer
    assert "现在没时间 · 你" in answer


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": "weather"}, "请点一个原因"),
        ({"reason": "hurry", "client_id": "x"}, "页面放太久了"),
    ],
)
def test_beside_the_chat_a_refusal_stands_in_the_line_for_words(
    fields, said, shop, stranger, phone, act
):
    answer = phone.post(url("not_joined", stranger), act(**fields), HTTP_HX_REQUEST="true")

    assert (answer.status_code, answer["HX-Retarget"]) == (200, "#say")
    assert said in answer.content.decode()
    assert not JoinRefusal.objects.exists()


def test_who_joined_meanwhile_has_no_reason_and_no_other_words_are_taken(
    shop, stranger, phone, act
):
    wrong = act(reason="weather")
    said = phone.post(url("not_joined", stranger), wrong, follow=True).content.decode()
    assert "请点一个原因" in said.split("tip bad")[1][:400]
    Member.objects.filter(pk=stranger.pk).update(joined_at=shop.now)
    page = phone.post(url("not_joined", stranger), act(reason="later"), follow=True)
    assert "TA 已经是会员了" in page.content.decode()
    assert not JoinRefusal.objects.exists()


def test_an_answers_id_is_nobody_elses(shop, stranger, phone, act):
    JoinRefusal.objects.create(
        member=shop.members[1],
        guide=shop.colleague,
        reason="later",
        client_id=(taken := uuid.uuid4()),
        at=shop.now,
    )
    phone.post(url("not_joined", stranger), {"client_id": taken, "reason": "later"})
    assert not JoinRefusal.objects.filter(member=stranger).exists()


def test_a_colleagues_customer_is_nobodys_to_ask(shop, phone, act):
    other = shop.others_members[0]
    assert phone.get(url("invite", other)).status_code == 404
    assert phone.post(url("not_joined", other), act(reason="later")).status_code == 404


def test_enter_in_the_words_taps_no_reason(stranger, phone):
    for name in ("customer", "invite"):
        page = phone.get(url(name, stranger)).content.decode()
        assert re.findall(r'<(\w+)[^>]* name="words"', page) == ["textarea"]


def test_who_wants_no_contact_is_not_asked(shop, stranger, phone, act):
    card, address = url("customer", stranger), url("invite", stranger)
    StopMark.objects.create(member=stranger, source="test", since=shop.now)
    assert "TA 还没入会" not in phone.get(card).content.decode()

    assert phone.get(address).url == card
    assert phone.get(address, HTTP_HX_REQUEST="true")["HX-Redirect"] == card
    told = phone.post(url("not_joined", stranger), act(reason="later"), follow=True)
    assert "TA 不愿被打扰" in told.content.decode()
    beside = phone.post(
        url("not_joined", stranger), act(reason="later"), HTTP_HX_REQUEST="true"
    ).content.decode()
    assert "已记下" not in beside
    assert not JoinRefusal.objects.exists()


def test_who_may_not_be_written_to_scans_and_no_chat_is_opened(shop, stranger, phone):
    Consent.objects.filter(member=stranger).update(withdrawn_at=shop.now)

    page = phone.get(url("invite", stranger)).content.decode()

    assert "没有企微营销同意" in page
    assert "data-open-chat" not in page
    assert "data:image/svg" in page


def test_many_answers_are_read_in_as_many_questions_as_one(shop, stranger, phone):
    def answer():
        JoinRefusal.objects.create(
            member=stranger, guide=shop.guide, reason="later", client_id=uuid.uuid4(), at=shop.now
        )

    def asked(name):
        with CaptureQueriesContext(connection) as queries:
            assert phone.get(url(name, stranger)).status_code == 200
        return len(queries)

    answer()
    [asked(name) for name in ("customer", "invite")]
    few = [asked(name) for name in ("customer", "invite")]
    [answer() for _time in range(8)]
    assert [asked(name) for name in ("customer", "invite")] == few
