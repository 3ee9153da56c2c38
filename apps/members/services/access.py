"""申请查看: a look at somebody else's customer, or at the number of one of the own store, asked for
with a reason, granted by a person for hours."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.members.models import AccessRequest, Member
from apps.members.services.notes import UnmaskLimitReached, show_phone

ASKED, GRANTED, REFUSED = "asked", "granted", "refused"
_ACTIONS = {AccessRequest.What.CARD: "member.access", AccessRequest.What.PHONE: "member.phone"}


class UnknownAccessReason(DomainError):
    code = "access_reason"
    message = _("Choose one of the reasons on the page.")


class AccessNotNeeded(DomainError):
    code = "access_not_needed"
    message = _("You may see this customer already. Search once more and open the card.")


class AccessIdTaken(DomainError):
    code = "access_id_taken"
    message = _("This request belongs to somebody else. Open the page again.")


class NotYoursToDecide(DomainError):
    code = "access_not_yours"
    message = _("Nobody decides about their own request. Your manager or head office does.")


class NumberNotYours(DomainError):
    code = "number_not_yours"
    message = _("Only the manager of TA's store asks to see the number.")


class NumberSeen(DomainError):
    code = "number_seen"
    message = _("You may not see this number now: you saw it, or the day is over. Ask again.")


@transaction.atomic
def request_access(
    *,
    member_id: int,
    guide_id: int,
    store_id: int,
    reason: str,
    client_id: uuid.UUID,
    actor: Actor,
    now: datetime,
    what: str = AccessRequest.What.CARD,
) -> AccessRequest:
    """Ask for a look at a member outside the own scope, or for the number of one inside it. A
    repeated tap, or a second request while one waits, is the first one.

    Raises UnknownAccessReason, AccessNotNeeded, NumberNotYours, AccessIdTaken.
    """
    if reason not in AccessRequest.Reason.values:
        raise UnknownAccessReason
    Member.objects.select_for_update(no_key=True).get(pk=member_id)
    known = AccessRequest.objects.filter(client_id=client_id).first()
    if known is not None:
        if (known.member_id, known.guide_id, known.what) != (member_id, guide_id, what):
            raise AccessIdTaken
        return known
    mine = AccessRequest.objects.filter(member_id=member_id, guide_id=guide_id, what=what)
    if (standing := mine.waiting().first()) is not None:
        return standing
    if what == AccessRequest.What.PHONE:
        _demand_own(member_id, actor)
    elif Member.objects.visible_to(actor).filter(pk=member_id).exists():
        raise AccessNotNeeded
    asked = AccessRequest.objects.create(
        member_id=member_id,
        guide_id=guide_id,
        store_id=store_id,
        what=what,
        reason=reason,
        client_id=client_id,
        asked_at=now,
    )
    _audit(asked, ASKED, actor)
    return asked


def _demand_own(member_id: int, actor: Actor) -> None:
    own = Member.objects.served_by(actor).filter(pk=member_id, erased_at=None)
    if not (actor.can(Capability.MANAGE_TEAM) and own.exists()):
        raise NumberNotYours


def see_number(*, member_id: int, actor: Actor, now: datetime) -> str:
    """The number a person of head office granted: one look, on the record, within the day's limit.

    Raises NumberNotYours, NumberSeen, UnmaskNotAllowed, UnmaskLimitReached.
    """
    seen = _see(member_id, actor, now)
    if isinstance(seen, str):
        return seen
    raise seen


@transaction.atomic
def _see(member_id: int, actor: Actor, now: datetime) -> str | UnmaskLimitReached:
    _demand_own(member_id, actor)
    mine = AccessRequest.objects.unseen_at(now).filter(
        member_id=member_id, guide_id=actor.guide_id or 0
    )
    asked = mine.select_for_update(of=("self",)).order_by("asked_at").first()
    if asked is None:
        raise NumberSeen
    shown = show_phone(
        member_id=member_id, actor=actor, reason=f"{asked.reason}: {asked.pk}", now=now
    )
    if isinstance(shown, str):
        asked.used_at = now
        asked.save(update_fields=["used_at"])
    return shown


@transaction.atomic
def decide_access(
    *, request_id: int, grant: bool, actor: Actor, now: datetime
) -> tuple[AccessRequest, bool]:
    """Grant a look for some hours, or refuse it; who may see numbers grants one. Returns the
    request and whether this decided it: what was decided before stays as it was.

    Raises AccessRequest.DoesNotExist outside the actor's scope, NotYoursToDecide.
    """
    visible = AccessRequest.objects.visible_to(actor).select_for_update(of=("self",))
    asked = visible.get(pk=request_id)
    if asked.guide_id == actor.guide_id or not may_decide(asked=asked, actor=actor):
        raise NotYoursToDecide
    if asked.state != AccessRequest.State.WAITING:
        return asked, False
    state = AccessRequest.State.GRANTED if grant else AccessRequest.State.REFUSED
    ends = now + timedelta(hours=settings.ACCESS_GRANT_HOURS) if grant else None
    asked.end(state, by=actor.label, at=now, expires_at=ends)
    _audit(asked, GRANTED if grant else REFUSED, actor)
    return asked, True


def may_decide(*, asked: AccessRequest, actor: Actor) -> bool:
    """By what the actor may do at all; nobody decides about their own, whatever they may."""
    if asked.what == AccessRequest.What.PHONE:
        return actor.can(Capability.UNMASK_MEMBERS)
    return actor.can(Capability.MANAGE_TEAM) or (
        actor.sees_all and actor.can(Capability.EDIT_MEMBERS)
    )


def _audit(asked: AccessRequest, what: str, actor: Actor) -> None:
    accounts.audit(
        actor=actor,
        action=f"{_ACTIONS[AccessRequest.What(asked.what)]}_{what}",
        object_type="member",
        object_id=asked.member_id,
        detail={"request": asked.pk, "guide": asked.guide_id, "reason": asked.reason},
    )
