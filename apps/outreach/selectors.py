"""Reads: what a customer sees behind a link, sends that need a person, how the outbox is doing."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Count, OuterRef, QuerySet, Subquery

from apps.accounts.actor import Actor
from apps.core import clock
from apps.outreach import attachments
from apps.outreach.attachments import Piece
from apps.outreach.models import (
    Attachment,
    ContentAsset,
    Dispatch,
    DispatchRecipient,
    LinkClick,
    MediaUpload,
    TrackedLink,
)
from apps.stores.models import Guide, Posting


@dataclass(frozen=True, slots=True)
class LandingPage:
    """The page behind a link: content if there is some, and who sent it."""

    title: str
    summary: str
    paragraphs: tuple[str, ...]
    over: bool
    guide_name: str
    store_name: str
    store_city: str


@dataclass(frozen=True, slots=True)
class WelcomeDay:
    """Welcomes of one day. `p95_s`: 95 % of those sent went out within so many seconds."""

    sent: int
    missed: int
    unknown: int
    failed: int
    no_words: int
    p95_s: float | None


def landing_page(*, code: str, now: datetime) -> LandingPage:
    """What the customer reads. Raises TrackedLink.DoesNotExist."""
    link = TrackedLink.objects.select_related("asset", "guide", "dispatch__guide").get(code=code)
    asset: ContentAsset | None = link.asset
    guide = link.dispatch.guide if link.dispatch else link.guide
    posting = None
    if guide is not None:
        day = clock.business_day(now)
        posting = Posting.objects.on(day).filter(guide=guide).select_related("store").first()
    over = bool(asset and asset.valid_until and asset.valid_until <= now)
    return LandingPage(
        title=asset.title if asset else "",
        summary=asset.summary if asset else "",
        paragraphs=tuple(asset.body.split("\n\n")) if asset and asset.body and not over else (),
        over=over,
        guide_name=guide.name if guide else "",
        store_name=posting.store.name if posting else "",
        store_city=posting.store.city if posting else "",
    )


def attachments_of(*, script_id: int | None) -> list[Piece]:
    """What goes out beside this script's words, as a send keeps it."""
    if script_id is None:
        return []
    return [row.piece for row in Attachment.objects.filter(script_id=script_id)]


def pieces_for_chat(
    *, script_id: int | None, guide_id: int, now: datetime
) -> list[tuple[Piece, str]]:
    """Each piece with the id under which this guide's corp has its picture for some minutes more
    at least ("" = not there); one query."""
    if script_id is None:
        return []
    corp = Guide.objects.filter(pk=guide_id).values("corp_id")
    here = MediaUpload.objects.alive(now).of()
    there = here.filter(corp_id__in=corp, file=OuterRef("picture"))
    rows = Attachment.objects.filter(script_id=script_id).annotate(
        media_id=Subquery(there.values("media_id")[:1])
    )
    return [(row.piece, row.media_id or "") for row in rows]


def cover_file(*, name: UUID, extension: str) -> str:
    """The kept file of a mini program's cover, which the customer's phone fetches without a
    sign-in. Raises Attachment.DoesNotExist for every other picture."""
    covers = Attachment.objects.filter(kind=Attachment.Kind.MINIPROGRAM)
    return str(covers.get(picture=f"{attachments.FOLDER}/{name}.{extension}").picture.name)


def unknown_dispatches(*, actor: Actor) -> QuerySet[Dispatch]:
    """Sends whose outcome a person has to decide, the oldest first."""
    found = Dispatch.objects.visible_to(actor).unknown().select_related("guide")
    return found.annotate(receivers=Count("recipients")).order_by("unknown_since", "pk")


def sent_by_others(*, actor: Actor) -> QuerySet[DispatchRecipient]:
    """Results that name another sender than the guide we asked for."""
    return DispatchRecipient.objects.visible_to(actor).filter(by_another=True)


def welcome_day(*, now: datetime) -> WelcomeDay:
    """How the welcomes of this business day went."""
    first = clock.day_start(clock.business_day(now))
    with connection.cursor() as cursor:
        cursor.execute(_WELCOME_DAY, [first])
        return WelcomeDay(*cursor.fetchone())


_WELCOME_DAY = """
SELECT count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE state = 'missed'),
    count(*) FILTER (WHERE state = 'unknown'), count(*) FILTER (WHERE state = 'failed'),
    count(*) FILTER (WHERE state = 'no_words'),
    percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM sent_at - told_at))
FROM outreach_welcome WHERE told_at >= %s
"""


def taps_of(*, source: str) -> int:
    """How often the links of what went out for this source were opened, by whomever."""
    return LinkClick.objects.filter(link__source=source).count()
