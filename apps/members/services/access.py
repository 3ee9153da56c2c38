"""申请查看: a look at somebody else's customer, asked for with a reason, granted by a person for
hours."""

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

ASKED, GRANTED, REFUSED = "member.access_asked", "member.access_granted", "member.access_refused"


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
) -> AccessRequest:
    """Ask for a look at a member outside the own scope. A repeated tap, or a second request while
    one waits, is the first one.

    Raises UnknownAccessReason, AccessNotNeeded, AccessIdTaken.
    """
    if reason not in AccessRequest.Reason.values:
        raise UnknownAccessReason
    Member.objects.select_for_update(no_key=True).get(pk=member_id)
    known = AccessRequest.objects.filter(client_id=client_id).first()
    if known is not None:
        if (known.member_id, known.guide_id) != (member_id, guide_id):
            raise AccessIdTaken
        return known
    waiting = AccessRequest.objects.waiting().filter(member_id=member_id, guide_id=guide_id)
    if (standing := waiting.first()) is not None:
        return standing
    if Member.objects.visible_to(actor).filter(pk=member_id).exists():
        raise AccessNotNeeded
    asked = AccessRequest.objects.create(
        member_id=member_id,
        guide_id=guide_id,
        store_id=store_id,
        reason=reason,
        client_id=client_id,
        asked_at=now,
    )
    _audit(asked, ASKED, actor)
    return asked


@transaction.atomic
def decide_access(
    *, request_id: int, grant: bool, actor: Actor, now: datetime
) -> tuple[AccessRequest, bool]:
    """Grant a look for some hours, or refuse it. Returns the request and whether this decided it:
    what was decided before stays as it was.

    Raises AccessRequest.DoesNotExist outside the actor's scope, NotYoursToDecide.
    """
    visible = AccessRequest.objects.visible_to(actor).select_for_update(of=("self",))
    asked = visible.get(pk=request_id)
    leads = actor.can(Capability.MANAGE_TEAM) or (
        actor.sees_all and actor.can(Capability.EDIT_MEMBERS)
    )
    if asked.guide_id == actor.guide_id or not leads:
        raise NotYoursToDecide
    if asked.state != AccessRequest.State.WAITING:
        return asked, False
    asked.state = AccessRequest.State.GRANTED if grant else AccessRequest.State.REFUSED
    asked.decided_at, asked.decided_by = now, actor.label
    if grant:
        hours = settings.ACCESS_GRANT_HOURS
        asked.expires_at = now + timedelta(hours=hours)
    asked.save(update_fields=["state", "decided_at", "decided_by", "expires_at"])
    _audit(asked, GRANTED if grant else REFUSED, actor)
    return asked, True


def _audit(asked: AccessRequest, action: str, actor: Actor) -> None:
    accounts.audit(
        actor=actor,
        action=action,
        object_type="member",
        object_id=asked.member_id,
        detail={"request": asked.pk, "guide": asked.guide_id, "reason": asked.reason},
    )
