"""Codes are made, changed and stopped by people; WeCom is told by the job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from uuid import UUID, uuid4

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.contact_codes.errors import (
    CardIncomplete,
    CardTooLong,
    CodeIncomplete,
    CodeStopped,
    NoSuchLink,
    OneCodeAlready,
    TooManyGuides,
    WelcomeTooLong,
)
from apps.contact_codes.models import EVERY_DAY, ChannelCode, CodeShift, new_slug, new_state
from apps.contact_codes.services.corps import named_by_its_stores, stay_within
from apps.contact_codes.services.duty import MOST_USERS, PUSH_JOB, refresh_duty
from apps.core import clock
from apps.core.locks import take_turn
from apps.core.wake import wake
from apps.outreach import scripts
from apps.stores.models import Posting, Store

Kind = ChannelCode.Kind
Medium = ChannelCode.Medium
Status = ChannelCode.Status
PICTURE_JOB = "contact_codes.keep_pictures"
WELCOME_BYTES = 4_000
CARD_TITLE_BYTES, CARD_TEXT_BYTES = 128, 512


@dataclass(frozen=True, slots=True)
class Shift:
    guide_id: int
    weekdays: tuple[int, ...] = tuple(EVERY_DAY)
    starts: time = time(0)
    ends: time = time(0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A code as somebody wants it. Without shifts a store's roster decides."""

    title: str
    channel: str
    kind: str
    medium: str = Medium.CODE
    store_id: int | None = None
    guide_id: int | None = None
    backup_id: int | None = None
    daily_limit: int | None = None
    welcome: str = ""
    card_title: str = ""
    card_text: str = ""
    card_url: str = ""
    welcome_picture: str = ""
    poster_text: str = ""
    tag_ids: Sequence[int] = ()
    shifts: Sequence[Shift] = field(default_factory=tuple)

    @property
    def guide_ids(self) -> set[int]:
        """Everybody who may receive by it by name."""
        named = [self.guide_id, self.backup_id, *(shift.guide_id for shift in self.shifts)]
        return {one for one in named if one is not None}


def _check(wanted: Wanted) -> None:
    missing = {
        Kind.GUIDE: wanted.guide_id is None,
        Kind.STORE: wanted.store_id is None,
        Kind.CHAIN: not wanted.shifts,
    }
    if missing.get(Kind(wanted.kind), False) or not wanted.title or not wanted.channel:
        raise CodeIncomplete
    if wanted.medium == Medium.LINK and wanted.kind == Kind.NEAREST:
        raise NoSuchLink
    if len({shift.guide_id for shift in wanted.shifts}) > MOST_USERS[Medium(wanted.medium)]:
        raise TooManyGuides
    if len(wanted.welcome.encode()) > WELCOME_BYTES:
        raise WelcomeTooLong
    scripts.validate_script(wanted.welcome)
    _check_card(wanted)


def _check_card(wanted: Wanted) -> None:
    if not (wanted.card_title or wanted.card_text or wanted.card_url):
        return
    if not wanted.card_title or not wanted.card_url.startswith("https://"):
        raise CardIncomplete
    title, text = len(wanted.card_title.encode()), len(wanted.card_text.encode())
    if title > CARD_TITLE_BYTES or text > CARD_TEXT_BYTES:
        raise CardTooLong


def _place_of(wanted: Wanted, now: datetime) -> int | None:
    """A guide's code belongs to the store they work in, so that its manager sees it."""
    if wanted.kind != Kind.GUIDE or wanted.guide_id is None:
        return wanted.store_id
    posted = Posting.objects.on(clock.business_day(now)).filter(guide_id=wanted.guide_id)
    return posted.values_list("store_id", flat=True).first()


def _put_parts(code: ChannelCode, wanted: Wanted) -> None:
    code.tags.set(list(wanted.tag_ids))
    code.shifts.all().delete()
    CodeShift.objects.bulk_create(
        CodeShift(
            code=code,
            guide_id=shift.guide_id,
            weekdays=sorted(set(shift.weekdays)),
            starts=shift.starts,
            ends=shift.ends,
        )
        for shift in wanted.shifts
    )


def _bring_picture(wanted: Wanted) -> None:
    """A new friend has no time to wait for an upload."""
    if wanted.welcome_picture:
        wake(PICTURE_JOB)


def _take_turn(corp_id: str) -> None:
    """One after the other: the same form sent twice, and two people who make a store's code, are
    told what there is already."""
    take_turn(f"contact_codes:{corp_id}")


def _one_per_store(wanted: Wanted, corp_id: str, but: int = 0) -> None:
    if wanted.kind != Kind.STORE or wanted.store_id is None:
        return
    same = ChannelCode.objects.running().filter(
        corp_id=corp_id, kind=Kind.STORE, medium=wanted.medium,
        store_id=wanted.store_id, channel=wanted.channel,
    )  # fmt: skip
    if same.exclude(pk=but).exists():
        raise OneCodeAlready


@transaction.atomic
def create_code(
    *, wanted: Wanted, corp_id: str, actor: Actor, now: datetime, client_id: UUID | None = None
) -> ChannelCode:
    """Make a code; the same `client_id` again gives the code it made.

    Raises CodeIncomplete, NoSuchLink, OneCodeAlready, TooManyGuides, WelcomeTooLong,
    CardIncomplete, CardTooLong, UnknownVariable, CorpsMixed.
    """
    _take_turn(corp_id)
    known = ChannelCode.objects.filter(client_id=client_id).first() if client_id else None
    if known is not None:
        return known
    _check(wanted)
    stay_within(corp_id, guide_ids=wanted.guide_ids, store_id=wanted.store_id)
    _one_per_store(wanted, corp_id)
    code = ChannelCode.objects.create(
        corp_id=corp_id,
        title=wanted.title,
        channel=wanted.channel,
        kind=wanted.kind,
        medium=wanted.medium,
        store_id=_place_of(wanted, now),
        guide_id=wanted.guide_id if wanted.kind == Kind.GUIDE else None,
        backup_id=wanted.backup_id,
        daily_limit=wanted.daily_limit,
        welcome=wanted.welcome,
        card_title=wanted.card_title,
        card_text=wanted.card_text,
        card_url=wanted.card_url,
        welcome_picture=wanted.welcome_picture,
        poster_text=wanted.poster_text,
        status=Status.MADE if wanted.kind == Kind.NEAREST else Status.WANTED,
        client_id=client_id or uuid4(),
        created_by=actor.label,
        due_at=None,
    )
    _put_parts(code, wanted)
    _bring_picture(wanted)
    refresh_duty(now=now, code_ids=[code.pk])
    accounts.audit(
        actor=actor, action="contact_code.made", object_type="channel_code", object_id=code.pk
    )
    code.refresh_from_db()
    return code


@transaction.atomic
def change_code(*, code_id: int, wanted: Wanted, actor: Actor, now: datetime) -> ChannelCode:
    """Change who receives and what is said; kind, store and guide stay what the poster promised.

    Raises CodeStopped and what `create_code` raises.
    """
    code = ChannelCode.objects.select_for_update().get(pk=code_id)
    if code.stopped_at is not None:
        raise CodeStopped
    _check(wanted)
    stay_within(code.corp_id, guide_ids=wanted.guide_ids, store_id=None)
    _take_turn(code.corp_id)
    _one_per_store(wanted, code.corp_id, but=code.pk)
    fields = ("title", "channel", "backup_id", "daily_limit", "welcome", "card_title",
              "card_text", "card_url", "welcome_picture", "poster_text")  # fmt: skip
    for name in fields:
        setattr(code, name, getattr(wanted, name))
    code.save(update_fields=list(fields))
    _put_parts(code, wanted)
    _bring_picture(wanted)
    refresh_duty(now=now, code_ids=[code.pk])
    accounts.audit(
        actor=actor, action="contact_code.changed", object_type="channel_code", object_id=code.pk
    )
    code.refresh_from_db()
    return code


@transaction.atomic
def stop_code(*, code_id: int, actor: Actor, now: datetime) -> ChannelCode:
    """Nobody comes by it any more: its page says so at once, WeCom is told. Safe to repeat."""
    code = ChannelCode.objects.select_for_update().get(pk=code_id)
    if code.stopped_at is not None:
        return code
    signpost = code.kind == Kind.NEAREST
    code.stopped_at, code.attempts = now, 0
    code.status = Status.STOPPED if signpost else Status.STOPPING
    code.due_at = None if signpost else now
    code.save(update_fields=["stopped_at", "attempts", "status", "due_at"])
    accounts.audit(
        actor=actor, action="contact_code.stopped", object_type="channel_code", object_id=code.pk
    )
    if not signpost:
        wake(PUSH_JOB)
    return code


@transaction.atomic
def tell_again(*, code_id: int, actor: Actor, now: datetime) -> None:
    """Somebody mended what WeCom refused: now, not in some hours."""
    code = ChannelCode.objects.in_wecom().filter(pk=code_id)
    if code.exclude(status=Status.STOPPED).update(due_at=now, attempts=0, errcode=None, reason=""):
        accounts.audit(
            actor=actor, action="contact_code.again", object_type="channel_code", object_id=code_id
        )
        wake(PUSH_JOB)


@dataclass(frozen=True, slots=True)
class Batch:
    made: int
    there: int


@transaction.atomic
def make_store_codes(
    *, region_id: int | None, wanted: Wanted, corp_id: str, actor: Actor, now: datetime
) -> Batch:
    """A code of this channel for every live store of the corp (and region) that has none.

    `wanted.title` and the other words are those of every code. Safe to repeat.
    """
    _check(Wanted(title=wanted.title, channel=wanted.channel, kind=Kind.NEAREST,
                  welcome=wanted.welcome, card_title=wanted.card_title,
                  card_text=wanted.card_text, card_url=wanted.card_url))  # fmt: skip
    _take_turn(corp_id)
    stores = Store.objects.visible_to(actor).open_on(clock.business_day(now))
    named = named_by_its_stores(corp_id)
    stores = stores.filter(live_since__isnull=False, corp_id__in=named)
    if region_id is not None:
        stores = stores.filter(region_id=region_id)
    same = ChannelCode.objects.running().filter(
        corp_id=corp_id, kind=Kind.STORE, medium=Medium.CODE, channel=wanted.channel
    )
    missing = list(stores.exclude(pk__in=same.values("store_id")).order_by("pk"))
    codes = ChannelCode.objects.bulk_create(
        [
            ChannelCode(
                corp_id=corp_id, title=wanted.title, channel=wanted.channel, kind=Kind.STORE,
                store=store, daily_limit=wanted.daily_limit, welcome=wanted.welcome,
                card_title=wanted.card_title, card_text=wanted.card_text,
                card_url=wanted.card_url, welcome_picture=wanted.welcome_picture,
                poster_text=wanted.poster_text, client_id=uuid4(), created_by=actor.label,
                state=new_state(), slug=new_slug(),
            )
            for store in missing
        ]
    )  # fmt: skip
    _tag_all(codes, wanted.tag_ids)
    _bring_picture(wanted)
    refresh_duty(now=now, code_ids=[code.pk for code in codes])
    if codes:
        accounts.audit(
            actor=actor,
            action="contact_code.made_for_stores",
            detail={"codes": len(codes), "region": region_id or 0},
        )
    return Batch(made=len(codes), there=stores.count() - len(codes))


def _tag_all(codes: Sequence[ChannelCode], tag_ids: Sequence[int]) -> None:
    through = ChannelCode.tags.through
    through.objects.bulk_create(
        [through(channelcode_id=code.pk, tag_id=tag) for code in codes for tag in tag_ids]
    )
