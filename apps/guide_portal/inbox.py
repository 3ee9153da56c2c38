"""消息: the cards a guide got in WeCom, so that one that was swiped away is found again."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.core.shown import Shown
from apps.guide_portal.cards import Chip
from apps.guide_portal.templatetags.portal import when
from apps.outreach.models import GuideNotice

SHOWN = 30

State = GuideNotice.State


@dataclass(frozen=True, slots=True)
class Message(Shown):
    title: str
    body: str
    at: str
    href: str
    chip: Chip | None


def inbox(*, guide_id: int, now: datetime) -> list[Message]:
    """The last cards whose time has come, the newest first; one query."""
    rows = (
        GuideNotice.objects.filter(guide_id=guide_id)
        .exclude(state=State.DROPPED)
        # one with a reason came due before: it was put off for a while
        .exclude(state=State.QUEUED, not_before__gt=now, reason="")
        .order_by(Coalesce("sent_at", "not_before").desc(), "-pk")[:SHOWN]
    )
    return [_message(row) for row in rows]


def _message(row: GuideNotice) -> Message:
    return Message(
        title=row.title,
        body=row.body,
        at=when(row.sent_at or row.not_before),
        # an address of ours, written by ours; whatever else it were is no link here
        href=row.path if row.path.startswith("/g/") else "",
        chip=_chip(row),
    )


def _chip(row: GuideNotice) -> Chip | None:
    """Only what is not the rule: that a card is in WeCom is what the page is about."""
    if row.acknowledged_at is not None:
        return Chip("ok", pgettext("message", "you know"), "ok")
    if row.state == State.SENT:
        return None
    if row.state == State.QUEUED:
        return Chip("clock", _("on its way to WeCom"))
    return Chip("alert", _("did not reach WeCom, read it here"), "warn")
