"""Who is asked to read a piece and who has: one statement for all, whatever their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, F, QuerySet

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.prepared import read
from apps.news.models import News, NewsRead

# Everybody asked: posted that day in a live store that the piece is for, in its role; neither who
# has left nor whose account is closed. `NewsQuerySet.asked_of` says the same of one person, and
# `PostingQuerySet.by_store_on` why the day is no condition of an index.
ASKED = """
FROM news_news AS piece
JOIN stores_posting AS posting ON (posting.during @> %s::date) IS TRUE
    AND (piece.for_role = '' OR posting.role = piece.for_role)
JOIN stores_store AS store ON store.id = posting.store_id AND store.live_since IS NOT NULL
JOIN stores_region AS region ON region.id = store.region_id
JOIN stores_guide AS guide ON guide.id = posting.guide_id AND guide.status = 'active'
LEFT JOIN accounts_user AS account ON account.id = guide.user_id
LEFT JOIN news_newsread AS seen ON seen.news_id = piece.id AND seen.version = piece.version
    AND seen.guide_id = guide.id
WHERE coalesce(account.is_active, TRUE) AND (
    (NOT EXISTS (SELECT FROM news_news_regions AS place WHERE place.news_id = piece.id)
        AND NOT EXISTS (SELECT FROM news_news_stores AS place WHERE place.news_id = piece.id))
    OR EXISTS (SELECT FROM news_news_regions AS place
        WHERE place.news_id = piece.id AND place.region_id = store.region_id)
    OR EXISTS (SELECT FROM news_news_stores AS place
        WHERE place.news_id = piece.id AND place.store_id = store.id))
"""
# opening is reading; what must be read is read when they say so
READ = "CASE WHEN piece.must_read THEN seen.confirmed_at ELSE seen.opened_at END IS NOT NULL"
# of the stores somebody leads: found first, so that nobody else's postings are looked at
_LED = """AND posting.store_id = ANY(ARRAY(
    SELECT led.id FROM stores_store AS led WHERE led.region_id = ANY(%s) OR led.id = ANY(%s)))"""
_FIGURES = f"""
SELECT region.id, region.name, store.id, store.name, store.code, count(*),
    count(*) FILTER (WHERE {READ})
{ASKED} {{led}} AND piece.id = %s
GROUP BY region.id, region.name, store.id, store.name, store.code
"""
_UNREAD = f"""
SELECT guide.id, guide.name, guide.wecom_userid, store.name, store.code, region.name,
    seen.opened_at, count(*) OVER ()
{ASKED} {{led}} AND piece.id = %s AND NOT {READ} AND (%s OR store.region_id = %s)
    AND (%s OR store.id = %s)
ORDER BY region.code, store.code, guide.name, guide.id
LIMIT %s OFFSET %s
"""
_TEAM = f"""
SELECT piece.id, piece.title, count(*) OVER (PARTITION BY piece.id), guide.name, store.name,
    seen.opened_at IS NOT NULL
{ASKED} {{led}} AND NOT {READ} AND piece.must_read AND piece.id = ANY(%s)
ORDER BY piece.shown_from DESC, piece.id DESC, store.code, guide.name, guide.id
LIMIT %s
"""
# `NewsQuerySet.running` says the same
_RUNNING = """piece.is_active AND piece.shown_from <= %s
    AND (piece.shown_until IS NULL OR piece.shown_until > %s)"""
_TEAM_COUNT = f"""
SELECT count(DISTINCT guide.id)
{ASKED} {{led}} AND NOT {READ} AND piece.must_read AND {_RUNNING}
"""
_OPEN_TO = f"""
SELECT guide.id, piece.id
{ASKED} AND {_RUNNING} AND piece.id = ANY(%s) AND guide.id = ANY(%s)
"""
LISTED = 300


@dataclass(frozen=True, slots=True)
class StoreReads:
    """How many of a store are asked and have read."""

    region_id: int
    region: str
    store_id: int
    store: str
    code: str
    asked: int
    read: int


@dataclass(frozen=True, slots=True)
class Unread:
    """Somebody who has not read. `opened_at`: opened, not said 我已读."""

    guide_id: int
    name: str
    userid: str
    store: str
    code: str
    region: str
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class TeamUnread:
    """One person of the manager's stores who has not read one piece; `of_piece` is how many."""

    news_id: int
    title: str
    of_piece: int
    name: str
    store: str
    is_open: bool


def _asked(sql: str, actor: Actor, now: datetime, *params: Any) -> list[tuple[Any, ...]]:
    """Within the stores an actor may see; `sql` says where that is asked."""
    day = clock.business_day(now)
    if actor.sees_all:
        return read(sql.format(led=""), [day, *params])
    places = [list(actor.region_ids), list(actor.store_ids)]
    return read(sql.format(led=_LED), [day, *places, *params])


def reads_by_store(*, news: News, actor: Actor, now: datetime) -> list[StoreReads]:
    """Of the stores the actor sees, those with the smallest share of readers first."""
    found = [StoreReads(*row) for row in _asked(_FIGURES, actor, now, news.pk)]
    return sorted(found, key=lambda row: (row.read / row.asked, -row.asked, row.code))


def unread(
    *,
    news: News,
    actor: Actor,
    now: datetime,
    region_id: int | None = None,
    store_id: int | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[list[Unread], int]:
    """A page of those who have not read, and how many there are in all (0 behind the last)."""
    found = _asked(
        *(_UNREAD, actor, now, news.pk, region_id is None, region_id),
        *(store_id is None, store_id, limit, offset),
    )
    return [Unread(*row[:-1]) for row in found], found[0][-1] if found else 0


def team_unread_count(*, actor: Actor, now: datetime) -> int:
    """How many people of the stores the actor leads have a must-read piece before them."""
    return int(_asked(_TEAM_COUNT, actor, now, now, now)[0][0])


def team_unread(*, actor: Actor, now: datetime) -> list[TeamUnread]:
    """The same by piece and name, the latest piece first."""
    pieces = News.objects.running(now).filter(must_read=True).visible_to(actor)
    ids = list(pieces.values_list("pk", flat=True))
    return [TeamUnread(*row) for row in _asked(_TEAM, actor, now, ids, LISTED)] if ids else []


def open_to(
    *, news_ids: Sequence[int], guide_ids: Sequence[int], now: datetime
) -> set[tuple[int, int]]:
    """(guide, piece) of those of these guides for whom a piece that is shown now is."""
    day = clock.business_day(now)
    return set(read(_OPEN_TO, [day, now, now, list(news_ids), list(guide_ids)]))


def read_counts(*, news_ids: Sequence[int]) -> dict[int, int]:
    """How many opened the version that is shown, piece by piece; in one query."""
    rows = NewsRead.objects.filter(news_id__in=news_ids, version=F("news__version"))
    return dict(rows.values_list("news_id").annotate(Count("pk")).order_by())


def shown_to(*, guide_id: int, day: date, now: datetime) -> QuerySet[News]:
    """What a guide reads: pinned first, then the newest."""
    found = News.objects.running(now).asked_of(guide_id, day)
    return found.order_by("-pinned", "-shown_from", "-pk")


def shown_in(*, actor: Actor, now: datetime) -> QuerySet[News]:
    """What the places the actor sees are told, in the same order."""
    found = News.objects.running(now).visible_to(actor)
    return found.order_by("-pinned", "-shown_from", "-pk")


def readings_of(*, guide_id: int, pieces: Sequence[News]) -> dict[int, NewsRead]:
    """This guide's reading of the version that is shown, by piece."""
    rows = NewsRead.objects.filter(
        news__in=[piece.pk for piece in pieces], guide_id=guide_id, version=F("news__version")
    )
    return {row.news_id: row for row in rows}
