"""WeCom's daily figures in words: of one guide on 我的, of each guide on 团队任务."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.core.cache import cache
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.shown import Shown
from apps.guide_portal.templatetags.portal import month_day
from apps.reports import chats

# WeCom tells them once a day
_KEPT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Chats(Shown):
    """Seven days of one guide; `until` says of which day the latest figures are."""

    until: str
    requests: int
    messages: int
    chats: int
    replied: str
    first_reply: str


@dataclass(frozen=True, slots=True)
class ColleagueChats(Shown):
    """`until` where WeCom told of this one less far than of others; else ""."""

    name: str
    words: str
    replies: str
    until: str


@dataclass(frozen=True, slots=True)
class TeamChats(Shown):
    until: str
    rows: list[ColleagueChats]


def my_chats(*, guide_id: int, now: datetime) -> Chats | None:
    """None as long as WeCom has given no figures."""
    key = f"guide_portal:chats:{guide_id}:{clock.business_day(now)}"
    kept: tuple[chats.ChatDays | None] | None = cache.get(key)
    if kept is None:
        kept = (chats.chats_of(guide_id=guide_id, now=now),)
        cache.set(key, kept, _KEPT_SECONDS)
    (found,) = kept
    return _chats(found) if found else None


def team_chats(*, actor: Actor, now: datetime) -> TeamChats | None:
    """The colleagues of the actor's stores, by name: no ranking is made of it."""
    rows = chats.chats_of_team(actor=actor, now=now)
    if not rows:
        return None
    latest = max(row.found.until for row in rows)
    return TeamChats(until=_until(latest), rows=_colleagues(rows, latest))


def _colleagues(rows: Sequence[chats.GuideChats], latest: date) -> list[ColleagueChats]:
    found = []
    for row in rows:
        one = _chats(row.found)
        words = _("%(requests)s requests, %(messages)s messages, %(chats)s chats") % {
            "requests": one.requests,
            "messages": one.messages,
            "chats": one.chats,
        }
        replies = _("answered the same day %(share)s, first answer after %(minutes)s") % {
            "share": one.replied,
            "minutes": one.first_reply,
        }
        until = one.until if row.found.until < latest else ""
        found.append(ColleagueChats(row.name, words, replies, until))
    return found


def _chats(found: chats.ChatDays) -> Chats:
    return Chats(
        until=_until(found.until),
        requests=found.requests,
        messages=found.messages,
        chats=found.chats,
        replied="–" if found.replied is None else f"{round(found.replied)}%",
        first_reply="–" if found.first_reply is None else _minutes(found.first_reply),
    )


def _until(day: date) -> str:
    return _("WeCom's figures until %(day)s") % {"day": month_day(day)}


def _minutes(value: float) -> str:
    return _("%(n)s min") % {"n": round(value)}
