"""申请查看 as pages show it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.accounts.actor import Actor
from apps.members.models import AccessRequest, Member
from apps.members.selectors import listed_name
from apps.outreach.services import access_news

LISTED = 50


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """One request: who asks, why, about whom (masked)."""

    request_id: int
    guide: str
    store: str
    reason: str
    about: str
    asked_at: datetime


def waiting_rows(*, actor: Actor) -> list[WaitingRow]:
    """What the actor decides, the oldest first; one query."""
    waiting = AccessRequest.objects.waiting_for(actor)
    found = waiting.select_related("guide", "store", "member").order_by("asked_at", "pk")
    return [
        WaitingRow(
            request_id=one.pk,
            guide=one.guide.name,
            store=one.store.name,
            reason=one.get_reason_display(),
            about=listed_name(one.member),
            asked_at=one.asked_at,
        )
        for one in found[:LISTED]
    ]


def ask_for_access(
    *,
    member: Member,
    reason: str,
    client_id: UUID,
    actor: Actor,
    now: datetime,
    what: str = AccessRequest.What.CARD,
) -> AccessRequest:
    assert actor.guide_id is not None
    return access_news.ask_for_access(
        member_id=member.pk,
        guide_id=actor.guide_id,
        what=what,
        reason=reason,
        client_id=client_id,
        actor=actor,
        now=now,
    )


@dataclass(frozen=True, slots=True)
class NumberPage:
    """What stands about the number of one customer: `waits` for an answer, or `may_see` it once
    until then."""

    waits: bool
    may_see: AccessRequest | None


def number_page(*, member: Member, actor: Actor, now: datetime) -> NumberPage:
    mine = AccessRequest.objects.for_phone().filter(
        member_id=member.pk, guide_id=actor.guide_id or 0
    )
    standing = list((mine.waiting() | mine.unseen_at(now)).order_by("-asked_at"))
    granted = (one for one in standing if one.state == AccessRequest.State.GRANTED)
    return NumberPage(
        waits=any(one.state == AccessRequest.State.WAITING for one in standing),
        may_see=next(granted, None),
    )
