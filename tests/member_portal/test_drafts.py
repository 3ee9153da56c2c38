"""待邀请: noted without a number, invited by a code of their own, a note on the card once in."""

import uuid
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.accounts.actor import SYSTEM, Actor
from apps.core import clock, pii
from apps.guide_portal.jobs import forget_old_drafts
from apps.member_portal.copying import copy_of
from apps.members import services as members
from apps.members.invites import DRAFT_KEPT, VALID_FOR
from apps.members.models import EnrolDraft, Member, MemberNote
from apps.members.selectors import find_by_identity, notes_of
from apps.members.services.drafts import MOST_WAITING, holds_number
from apps.members.services.erasure import erase_member
from apps.timeline.models import MemberEvent
from tests.factories.facts import make_guide, make_phone
from tests.factories.outreach import CORP
from tests.member_portal.conftest import form, read_code

pytestmark = pytest.mark.django_db

WELCOME = reverse("member_portal:welcome")
CODE = reverse("member_portal:code")
Gone = members.DraftGone


@pytest.fixture(autouse=True)
def _fresh_limits(db):
    cache.clear()


@pytest.fixture
def write(shop):
    def one(called="王女士", words="看了短靴，等 38 码", *, guide=None, now=None, client_id=None):
        return members.write_draft(
            guide_id=(guide or shop.guide).pk,
            store_id=shop.store.pk,
            called=called,
            words=words,
            client_id=client_id or uuid.uuid4(),
            now=now or clock.now(),
        )

    return one


def join_path(draft):
    return reverse("member_portal:join", args=[draft.code])


def of_phone(phone):
    return find_by_identity("phone", "", phone)


@pytest.mark.parametrize(
    ("called", "words"),
    [
        ("13800138000", ""),
        ("王女士138001", ""),
        ("王女士", "电话 138 0013 8000"),
        ("王女士", "138-0013-8000"),
        ("王女士", "１３８００１３８０００"),
        ("王女士", "一三八〇〇一三八〇〇〇"),
        ("王女士", "+86 13800138000，周日来"),
        ("王女士", "微信同号13800138000。"),
        ("王女士", "家里 021-62345678"),
    ],
)
def test_what_looks_like_a_phone_number_is_refused(write, called, words):
    with pytest.raises(members.NumberInDraft, match="手机号"):
        write(called, words)
    assert not EnrolDraft.objects.exists()


@pytest.mark.parametrize(
    "words",
    [
        "",
        "299 元的短靴，38 码",
        "货号 20231188",
        "36 37 38 码都试了",
        "12 月 24 日下午 3 点来",
        "6901234567892",
    ],
)
def test_prices_sizes_and_days_are_no_phone_numbers(words):
    assert not holds_number(called="王女士 2", words=words)


def test_what_is_kept_is_sealed_and_once(write):
    same = uuid.uuid4()

    first, again = write(client_id=same), write("别的", "别的", client_id=same)

    assert first.pk == again.pk
    row = EnrolDraft.objects.get()
    assert "王女士".encode() not in bytes(row.called_enc)
    assert (pii.decrypt(row.called_enc), pii.decrypt(row.words_enc)) == (
        "王女士",
        "看了短靴，等 38 码",
    )


def test_the_list_is_finite_and_an_id_is_one_guides(shop, write):
    colleague, same = make_guide(shop.store, corp=CORP), uuid.uuid4()
    write(client_id=same)
    for number in range(MOST_WAITING - 1):
        write(f"顾客 {number}", "")

    with pytest.raises(members.TooManyDrafts):
        write()
    with pytest.raises(members.DraftTaken):
        write(guide=colleague, client_id=same)
    assert EnrolDraft.objects.count() == MOST_WAITING


def test_who_joins_by_the_code_closes_the_draft_and_has_the_note_once(shop, write):
    draft, phone = write(), make_phone()
    customer = Client()
    page = customer.get(join_path(draft))
    assert page.status_code == 200
    assert shop.guide.name in page.content.decode()
    for secret in ("王女士", "短靴"):
        assert secret not in page.content.decode()

    body = form(phone)
    answer = customer.post(join_path(draft), body)

    assert answer.url == WELCOME
    member = of_phone(phone)
    draft.refresh_from_db()
    assert (draft.state, draft.member_id) == ("joined", member.pk)
    assert pii.decrypt(draft.words_enc) == ""
    [note] = notes_of(member_id=member.pk)
    assert (note.body, note.guide_id, note.created_at) == (
        "看了短靴，等 38 码",
        shop.guide.pk,
        draft.closed_at,
    )
    [event] = MemberEvent.objects.filter(member_id=member.pk, kind="note.added")
    assert event.actor == f"guide:{shop.guide.pk}"
    for secret in ("王女士", "短靴"):
        assert secret not in customer.get(WELCOME).content.decode()
    # the answer was lost: the same form again, and the page once more
    assert Client().post(join_path(draft), body).url == WELCOME
    assert (Member.objects.count(), MemberNote.objects.count()) == (1, 1)


def test_who_comes_second_by_the_same_code_gets_no_note(shop, write):
    draft, second = write(), make_phone()
    Client().post(join_path(draft), form(make_phone()))

    Client().post(join_path(draft), form(second))

    assert of_phone(second) is not None
    assert notes_of(member_id=of_phone(second).pk) == []
    later = clock.now() + VALID_FOR + timedelta(minutes=1)
    with clock.at(later):
        assert Client().get(join_path(draft)).status_code == 410


def test_a_known_number_closes_the_draft_only_with_its_code(shop, write):
    draft, phone = write(), make_phone()
    row = members.MemberRow(identities=[("phone", "", phone)], name="周若曦")
    members.resolve_members(rows=[row], now=clock.now(), source="pos", actor=SYSTEM)
    customer = Client()

    assert customer.post(join_path(draft), form(phone)).url == CODE
    draft.refresh_from_db()
    assert draft.state == "waiting"
    assert not MemberNote.objects.exists()

    customer.post(CODE, {"code": read_code(shop.simulator, phone)})

    draft.refresh_from_db()
    assert (draft.state, draft.member_id) == ("joined", of_phone(phone).pk)
    assert MemberNote.objects.get().member_id == draft.member_id


def test_a_draft_without_words_leaves_no_note(write):
    draft, phone = write(words=""), make_phone()

    Client().post(join_path(draft), form(phone))

    assert EnrolDraft.objects.get().state == "joined"
    assert not MemberNote.objects.exists()


def test_a_note_of_somebody_else_with_the_drafts_id_holds_nobody_up(shop, write):
    same, colleague = uuid.uuid4(), make_guide(shop.store, corp=CORP)
    Client().post(join_path(write("先来的", "")), form(make_phone()))
    members.add_note(
        member_id=Member.objects.get().pk, guide_id=colleague.pk, body="别的", client_id=same,
        now=clock.now(), actor=SYSTEM,
    )  # fmt: skip

    answer = Client().post(join_path(write(client_id=same)), form(make_phone()))

    assert answer.url == WELCOME
    assert MemberNote.objects.count() == 2


def test_a_dropped_draft_keeps_no_word_and_opens_no_page(shop, write):
    draft = write()

    def drop(guide_id=shop.guide.pk):
        return members.drop_draft(
            draft_id=draft.pk, guide_id=guide_id, reason="mistake", now=clock.now()
        )

    with pytest.raises(Gone):
        drop(guide_id=shop.guide.pk + 1)
    assert (drop(), drop()) == (True, False)

    draft.refresh_from_db()
    assert (draft.state, draft.reason) == ("dropped", "mistake")
    assert pii.decrypt(draft.called_enc) + pii.decrypt(draft.words_enc) == ""
    assert Client().get(join_path(draft)).status_code == 410
    assert Client().post(join_path(draft), form(make_phone())).status_code == 410


def test_who_has_joined_is_not_dropped(shop, write):
    draft = write()
    Client().post(join_path(draft), form(make_phone()))

    with pytest.raises(Gone):
        members.drop_draft(draft_id=draft.pk, guide_id=shop.guide.pk, now=clock.now())


def test_after_thirty_days_a_draft_is_over_and_gone(shop, write):
    old = write(now=clock.now() - DRAFT_KEPT - timedelta(minutes=1))
    young = write(now=clock.now() - DRAFT_KEPT + timedelta(hours=1))

    assert Client().get(join_path(old)).status_code == 410
    forget_old_drafts()

    assert list(EnrolDraft.objects.all()) == [young]
    assert Client().get(join_path(young)).status_code == 200


def test_a_code_that_is_none_and_a_guide_who_has_left_invite_nobody(shop, write):
    draft = write()
    assert Client().get(reverse("member_portal:join", args=["z" + "0" * 24])).status_code == 410

    shop.guide.status, shop.guide.left_at = "left", clock.now()
    shop.guide.save()

    assert Client().get(join_path(draft)).status_code == 410


def test_the_copy_names_it_and_erasing_the_person_takes_it_along(shop, write):
    draft, phone = write(), make_phone()
    Client().post(join_path(draft), form(phone))
    member = of_phone(phone)
    assert [one["called"] for one in copy_of(member=member)["invited_as"]] == ["王女士"]

    erase(member)

    assert not EnrolDraft.objects.exists()
    assert not MemberNote.objects.exists()


def erase(member):
    erase_member(member_id=member.pk, source="test", now=clock.now(), actor=SYSTEM)


def test_only_who_wrote_it_sees_it(shop, write):
    draft = write()
    manager = Actor(guide_id=shop.guide.pk + 1, store_ids=frozenset({shop.store.pk}))

    rows = EnrolDraft.objects.all()
    assert list(rows.visible_to(Actor(guide_id=shop.guide.pk))) == [draft]
    assert not rows.visible_to(manager).exists()
    assert not rows.visible_to(SYSTEM).exists()
