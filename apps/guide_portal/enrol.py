"""开卡: the code a customer scans, and who joined by this guide today.

The list knows those who are new. A number that was a member before shows nowhere here, so nobody
learns from it who is one. 待邀请: who wanted to join and could not; each has a code of their own.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import segno
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core import clock, pii
from apps.core.errors import DomainError
from apps.loyalty.selectors import gifts_waiting
from apps.members.invites import DRAFT_KEPT, VALID_FOR, invite_address, make_invite
from apps.members.models import EnrolDraft, FollowRelation, Member
from apps.members.selectors import masked_name, masked_phones
from apps.stores.models import Posting, Store

SHOWN = 30


class NoStoreToday(DomainError):
    code = "no_store_today"
    message = _("You are posted in no store today. Ask your store manager.")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One customer who joined today."""

    public_id: str
    words: str
    at: datetime
    is_friend: bool
    has_gift: bool


@dataclass(frozen=True, slots=True)
class EnrolPage:
    store: str
    qr: str
    address: str
    until: datetime


@dataclass(frozen=True, slots=True)
class DraftRow:
    """Somebody in 待邀请, and when they joined if they have."""

    pk: int
    called: str
    made_at: datetime
    joined_at: datetime | None


@dataclass(frozen=True, slots=True)
class DraftPage:
    pk: int
    called: str
    words: str
    qr: str
    address: str
    until: date


def store_today(*, guide_id: int, now: datetime) -> Store:
    """Where this guide works today. Raises NoStoreToday."""
    posting = (
        Posting.objects.on(clock.business_day(now))
        .filter(guide_id=guide_id)
        .select_related("store")
        .first()
    )
    if posting is None:
        raise NoStoreToday
    return posting.store


def store_id_today(*, guide_id: int, now: datetime) -> int | None:
    """Where this guide works today; None for who works nowhere."""
    postings = Posting.objects.on(clock.business_day(now)).filter(guide_id=guide_id)
    return postings.values_list("store_id", flat=True).first()


def _qr(address: str) -> str:
    return segno.make(address, error="m").svg_data_uri(scale=6, border=0)


def enrol_page(*, guide_id: int, now: datetime, valid_for: timedelta = VALID_FOR) -> EnrolPage:
    """A fresh invitation as a QR code. Raises NoStoreToday."""
    store = store_today(guide_id=guide_id, now=now)
    token = make_invite(guide_id=guide_id, store_id=store.pk, now=now, valid_for=valid_for)
    address = invite_address(token)
    return EnrolPage(store=store.name, qr=_qr(address), address=address, until=now + valid_for)


def drafts_of(*, actor: Actor, now: datetime) -> list[DraftRow]:
    """Whom this guide has still to invite, and who of them joined today; the latest first."""
    start, _end = clock.day_bounds(clock.business_day(now))
    shown = Q(state=EnrolDraft.State.WAITING) | Q(
        state=EnrolDraft.State.JOINED, closed_at__gte=start
    )
    rows = EnrolDraft.objects.visible_to(actor).filter(shown, made_at__gt=now - DRAFT_KEPT)
    return [
        DraftRow(row.pk, pii.decrypt(row.called_enc), row.made_at, row.closed_at)
        for row in rows.order_by("-made_at", "-pk")
    ]


def waiting_in_stores(*, actor: Actor, now: datetime) -> int | None:
    """How many wait in the stores this actor leads; None for who leads none. Never who."""
    if not actor.store_ids:
        return None
    waiting = EnrolDraft.objects.waiting().filter(made_at__gt=now - DRAFT_KEPT)
    return waiting.filter(store_id__in=actor.store_ids).count()


def draft_page(*, draft: EnrolDraft) -> DraftPage:
    """One person's invitation; what was noted is for the guide's eyes."""
    address = invite_address(draft.code)
    return DraftPage(
        pk=draft.pk,
        called=pii.decrypt(draft.called_enc),
        words=pii.decrypt(draft.words_enc),
        qr=_qr(address),
        address=address,
        until=clock.business_day(draft.made_at + DRAFT_KEPT),
    )


def enrolled_today(*, guide_id: int, now: datetime) -> tuple[int, list[Enrolled]]:
    """How many joined by this guide today, and the latest of them; five queries."""
    start, end = clock.day_bounds(clock.business_day(now))
    joined = Member.objects.survivors().filter(
        enrolling_guide_id=guide_id, joined_at__gte=start, joined_at__lt=end
    )
    latest = list(joined.order_by("-joined_at", "-pk")[:SHOWN])
    ids = [member.pk for member in latest]
    phones = masked_phones(ids)
    friends = set(
        FollowRelation.objects.current()
        .filter(member_id__in=ids, guide_id=guide_id)
        .values_list("member_id", flat=True)
    )
    gifts = gifts_waiting(member_ids=ids, now=now)
    count = joined.count() if len(latest) == SHOWN else len(latest)
    return count, [
        Enrolled(
            public_id=str(member.public_id),
            words=" ".join(filter(None, [masked_name(member), phones.get(member.pk, "")])),
            at=member.joined_at or now,
            is_friend=member.pk in friends,
            has_gift=member.pk in gifts,
        )
        for member in latest
    ]
