"""Somebody is erased while a batch that knows them is under way: nothing of theirs comes back."""

import threading

import pytest
from django.db import connections

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.ingest.services import MemberItem, take_members
from apps.members.models import Consent, Member, MemberIdentity
from apps.members.services import ConsentRow, ErasedMeanwhile, MemberRow, resolve_members
from apps.members.services.erasure import erase_member
from apps.members.services.identities import _Batch
from tests.factories.facts import NOW, make_phone

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def resolve(*rows):
    return resolve_members(rows=list(rows), now=NOW, source="pos", actor=SYSTEM)


@pytest.fixture
def erased_between(monkeypatch):
    """Another connection erases a member after the batch has looked up who is who."""

    def arrange(member_id):
        decide, waiting = _Batch.decide, [member_id]

        def erase():
            try:
                now = clock.now()
                erase_member(member_id=waiting.pop(), source="test", now=now, actor=SYSTEM)
            finally:
                connections.close_all()

        def and_then(batch):
            if waiting:
                other = threading.Thread(target=erase)
                other.start()
                other.join()
            decide(batch)

        monkeypatch.setattr(_Batch, "decide", and_then)

    return arrange


def test_the_batch_writes_nothing_and_the_same_again_finds_a_stranger(erased_between):
    phone, other = make_phone(), make_phone()
    known, colleague = resolve(
        MemberRow(identities=[("phone", "", phone)], name="王芳"),
        MemberRow(identities=[("phone", "", other)], name="李娜"),
    )
    rows = [
        MemberRow(
            identities=[("phone", "", phone), ("external_userid", "corp", "wmA")],
            name="王芳芳",
            consents=[ConsentRow("wecom_marketing", "1", "pos", NOW)],
        ),
        MemberRow(identities=[("phone", "", other)], name="李娜娜"),
        MemberRow(identities=[("phone", "", make_phone())], name="新客"),
    ]
    erased_between(known.member_id)

    with pytest.raises(ErasedMeanwhile):
        resolve(*rows)

    erased = Member.objects.get(pk=known.member_id)
    assert erased.erased_at is not None
    assert (erased.name, erased.phone_last4) == ("", "")
    assert not MemberIdentity.objects.filter(member=erased).exists()
    assert not Consent.objects.exists()
    assert Member.objects.get(pk=colleague.member_id).name == "李娜"
    assert Member.objects.count() == 2

    stranger, again, _new = resolve(*rows)
    assert stranger.created
    assert stranger.member_id != known.member_id
    assert again.member_id == colleague.member_id


def test_a_till_is_answered_all_the_same(erased_between):
    phone = make_phone()
    [known] = resolve(MemberRow(identities=[("phone", "", phone)], name="王芳"))
    erased_between(known.member_id)

    [answer] = take_members(
        items=[MemberItem(identities=[("phone", "", phone)], name="王芳")], now=NOW, actor=SYSTEM
    )

    assert answer.status == "created"
    assert Member.objects.get(pk=known.member_id).name == ""
