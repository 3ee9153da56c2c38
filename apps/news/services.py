"""Writes of the news' room: a piece is kept, told, opened, read."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.modules import Module, is_on
from apps.core import clock
from apps.core.hours import for_cards
from apps.core.querysets import keys_sql
from apps.core.wake import wake
from apps.news.errors import CorrectedMeanwhile, NothingToRemind, RemindedToday
from apps.news.models import News, NewsRead
from apps.news.selectors import ASKED, READ
from apps.outreach import services as outreach
from apps.stores import selectors as stores

TELL_JOB = "news.tell"
# who comes to the stores later reads it on the page; cards are for what is new
TOLD_FOR = timedelta(days=14)
# no field of the form
_OURS = ["version", "corrected_at", "told_version", "told_on", "asked_since", "reminded_on"]

# who is away today hears of it the day they are back
_CARDS = f"""
SELECT guide.id, %s, %s, %s, %s, %s::timestamptz
{ASKED} AND piece.id = %s AND NOT {READ} AND guide.id NOT IN ({{away}})
"""


@transaction.atomic
def keep_news(*, news: News, corrected: bool, ask_again: bool, now: datetime) -> None:
    """Save a piece. A correction asks those again who have read only if head office says so; of
    two that say so at the same time once."""
    seen = news.version
    if news.pk is not None:
        # what was told, reminded of or asked again while the form was open stays
        news.refresh_from_db(fields=_OURS, from_queryset=News.objects.select_for_update())
    begun = news.pk is not None and news.shown_from <= now
    if corrected and begun:
        news.corrected_at = now
    if ask_again:
        news.version = max(news.version, seen + 1)
    if ask_again or news.told_version < news.version:
        news.asked_since = max(news.shown_from, now)
    news.told_on = None  # whom it is for may have changed: looked through again
    news.save()
    wake(TELL_JOB)


def tell(*, now: datetime) -> int:
    """Queue the cards of must-read pieces: of what head office kept at once, then daily for who was
    away. Safe to repeat. Returns how many cards are new."""
    if not is_on(Module.NEWS):
        return 0
    today = clock.business_day(now)
    due = News.objects.running(now).filter(must_read=True, asked_since__gt=now - TOLD_FOR)
    late = Q(told_on=None) | Q(told_on__lt=today)
    return sum(
        _tell(pk, now=now) for pk in due.filter(late).order_by("pk").values_list("pk", flat=True)
    )


@transaction.atomic
def _tell(pk: int, *, now: datetime) -> int:
    news = News.objects.select_for_update().get(pk=pk)
    queued = _queue(news, source=news.source, at_once=False, now=now)
    news.told_version, news.told_on = news.version, clock.business_day(now)
    news.save(update_fields=["told_version", "told_on"])
    return queued


def _queue(news: News, *, source: str, at_once: bool, now: datetime) -> int:
    """A card for everybody who is at work and has not read."""
    today = clock.business_day(now)
    away, of_away = keys_sql(stores.away(day=today))
    words = _("%(kind)s. Please read it and say so.") % {"kind": news.get_kind_display()}
    return outreach.queue_cards_from_select(
        select=_CARDS.format(away=away),
        params=[
            *(source, news.title, words, f"/g/news/{news.pk}/", for_cards(now)),
            *(today, news.pk, *of_away),
        ],
        at_once=at_once,
    )


@transaction.atomic
def remind(*, news_id: int, actor: Actor, now: datetime) -> int:
    """A second card to those who have not read, at most one a day. Raises RemindedToday,
    NothingToRemind."""
    today = clock.business_day(now)
    news = News.objects.select_for_update().get(pk=news_id)
    if not News.objects.running(now).filter(pk=news.pk, must_read=True).exists():
        raise NothingToRemind
    if news.reminded_on == today:
        raise RemindedToday
    queued = _queue(news, source=f"{news.source}:{today}", at_once=True, now=now)
    news.reminded_on = today
    news.save(update_fields=["reminded_on"])
    accounts.audit(
        actor=actor,
        action="news.reminded",
        object_type="news.news",
        object_id=str(news.pk),
        detail={"count": queued},
    )
    return queued


def open_news(*, news: News, guide_id: int, now: datetime) -> None:
    """The guide has it before them; the first time counts."""
    row = NewsRead(news=news, guide_id=guide_id, version=news.version, opened_at=now)
    NewsRead.objects.bulk_create([row], ignore_conflicts=True)


@transaction.atomic
def confirm_news(*, news: News, guide_id: int, version: int, now: datetime) -> None:
    """我已读 of the version that was before them; the first tap counts. Raises
    CorrectedMeanwhile."""
    if version != news.version:
        raise CorrectedMeanwhile
    open_news(news=news, guide_id=guide_id, now=now)
    NewsRead.objects.filter(
        news=news, guide_id=guide_id, version=version, confirmed_at=None
    ).update(confirmed_at=now)
