"""资讯 as the phone shows it: what head office says, what must still be read, who has not."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.accounts.actor import Actor
from apps.accounts.modules import Module, is_on
from apps.core import clock
from apps.core.shown import Shown
from apps.guide_portal import links
from apps.guide_portal.cards import Chip
from apps.guide_portal.templatetags.portal import when
from apps.news import selectors
from apps.news.models import News, NewsRead
from apps.orders.models import Product
from apps.outreach.services.links import share_links

A_PAGE = 20


@dataclass(frozen=True, slots=True)
class Row(Shown):
    href: str
    title: str
    words: str
    at: datetime
    chip: Chip | None


@dataclass(frozen=True, slots=True)
class Piece(Shown):
    """`asks`: it must be read, and this guide has not said so."""

    news: News
    words: str
    read: str
    asks: bool
    products: list[Product]
    pages: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Unread(Shown):
    """Who of the team has not read one piece; `more` are not named."""

    href: str
    title: str
    words: str
    names: list[tuple[str, str]]
    more: int


def unread_words(number: int) -> str:
    """2 条必读未读"""
    words = ngettext("%(n)s must-read piece of news", "%(n)s must-read pieces of news", number)
    return words % {"n": number}


def news_list(*, actor: Actor, number: str, now: datetime) -> tuple[list[Row], Page]:
    """A page of what is shown now, pinned first; one query for the readings of a guide. Whoever
    works in no store reads what the places they see are told, unasked."""
    if actor.guide_id is None:
        page = Paginator(selectors.shown_in(actor=actor, now=now), A_PAGE).get_page(number)
        return [_row(piece, None) for piece in page], page
    found = selectors.shown_to(guide_id=actor.guide_id, day=clock.business_day(now), now=now)
    page = Paginator(found, A_PAGE).get_page(number)
    pieces = list(page)
    readings = selectors.readings_of(guide_id=actor.guide_id, pieces=pieces)
    return [_row(piece, _chip(piece, readings.get(piece.pk))) for piece in pieces], page


def _row(piece: News, chip: Chip | None) -> Row:
    parts = [piece.get_kind_display()]
    if piece.pinned:
        parts.insert(0, pgettext("news", "on top"))
    return Row(
        href=links.numbered("news_piece", piece.pk),
        title=piece.title,
        words=" · ".join(map(str, parts)),
        at=piece.shown_from,
        chip=chip,
    )


def _chip(piece: News, reading: NewsRead | None) -> Chip:
    if piece.must_read and (reading is None or reading.confirmed_at is None):
        return Chip("alert", pgettext("news", "must read"), "late")
    if reading is None:
        return Chip("ring", pgettext("news", "new"), "warn")
    return Chip("ok", pgettext("news", "read"), "ok")


def piece_page(*, news: News, guide_id: int | None, is_asked: bool, now: datetime) -> Piece:
    """One piece with its goods and pages; asks a fixed number of queries. Who is no guide has read
    nothing and has no links of their own to send."""
    readings = {} if guide_id is None else selectors.readings_of(guide_id=guide_id, pieces=[news])
    reading = readings.get(news.pk)
    said = reading.confirmed_at if reading else None
    parts = [str(news.get_kind_display()), when(news.shown_from)]
    if news.corrected_at:
        parts.append(_("corrected %(time)s") % {"time": when(news.corrected_at)})
    return Piece(
        news=news,
        words=" · ".join(parts),
        read=_("You said so %(time)s") % {"time": when(said)} if said else "",
        asks=news.must_read and said is None and is_asked,
        products=list(news.products.order_by("pk")),
        pages=[] if guide_id is None else _pages(news, guide_id, now),
    )


def _pages(news: News, guide_id: int, now: datetime) -> list[tuple[str, str]]:
    """(title, address) of the pages beside it, by links of the guide's own."""
    if not is_on(Module.MATERIALS):
        return []
    valid = Q(valid_until=None) | Q(valid_until__gt=now)
    assets = list(news.pages.filter(valid).order_by("pk"))
    if not assets:
        return []
    found = share_links(guide_id=guide_id, asset_ids=[asset.pk for asset in assets])
    return [
        (asset.title, reverse("outreach:content", args=[found[asset.pk].code])) for asset in assets
    ]


def team_waiting(*, actor: Actor, now: datetime) -> int:
    """How many people of the team have a must-read piece before them; one query."""
    return selectors.team_unread_count(actor=actor, now=now) if is_on(Module.NEWS) else 0


def team_news(*, actor: Actor, now: datetime) -> list[Unread]:
    """Piece by piece who has not read it."""
    found = selectors.team_unread(actor=actor, now=now)
    several = len({row.store for row in found}) > 1
    pieces = []
    for pk, rows_of in groupby(found, key=attrgetter("news_id")):
        rows = list(rows_of)
        pieces.append(
            Unread(
                href=links.numbered("news_piece", pk),
                title=rows[0].title,
                words=_("%(n)s have not read it") % {"n": rows[0].of_piece},
                names=[(row.name, _state(row, several=several)) for row in rows],
                more=rows[0].of_piece - len(rows),
            )
        )
    return pieces


def _state(row: selectors.TeamUnread, *, several: bool) -> str:
    words = _("opened, did not say so") if row.is_open else _("not opened")
    return f"{row.store} · {words}" if several else words


def today_href(ids: list[int]) -> str:
    """Where 今日 leads: a single piece is one tap away."""
    if len(ids) == 1:
        return links.numbered("news_piece", ids[0])
    return links.plain("news")
