"""归属申请: asked with a reason, decided by who stands above both guides, told to both."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock, hours
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.services import assigning
from apps.handovers.errors import (
    AlreadyYours,
    ClaimantGone,
    ClaimIdTaken,
    NotYoursToDecide,
    ServedByAnother,
    TooManyClaims,
    UnknownClaimReason,
)
from apps.handovers.models import OwnershipClaim
from apps.members import services as members
from apps.members.models import Member, ServingPeriod
from apps.members.services.relations import lock_members
from apps.outreach.services.notices import queue_guide_notices
from apps.stores.models import AskLevel, Posting
from apps.stores.selectors import managers_of, place_of

APPROVALS_PATH = "/g/team/approvals/"
CUSTOMERS_PATH = "/g/customers/"
CLAIMED = "claimed"
State = OwnershipClaim.State


@transaction.atomic
def claim_member(
    *, member_id: int, reason: str, client_id: uuid.UUID, actor: Actor, now: datetime
) -> OwnershipClaim:
    """Ask to become the 专属导购 of somebody the actor may see. A repeated tap, or a second claim
    while one waits, is the first one.

    Raises UnknownClaimReason, AlreadyYours, TooManyClaims, ClaimIdTaken, WorksNowhere,
    Member.DoesNotExist.
    """
    if reason not in OwnershipClaim.Reason.values:
        raise UnknownClaimReason
    member = Member.objects.visible_to(actor).survivors().get(pk=member_id)
    lock_members([member_id])
    known = OwnershipClaim.objects.filter(client_id=client_id).first()
    if known is not None:
        if (known.member_id, known.guide_id) != (member_id, actor.guide_id):
            raise ClaimIdTaken
        return known
    mine = OwnershipClaim.objects.waiting().filter(guide_id=actor.guide_id or 0)
    if (standing := mine.filter(member_id=member_id).first()) is not None:
        return standing
    if (n := mine.count()) >= settings.CLAIMS_OPEN_MAX:
        raise TooManyClaims(n=n)
    serving = _serving(member_id)
    if serving is not None and serving.guide_id == actor.guide_id:
        raise AlreadyYours
    today = clock.business_day(now)
    place = place_of(guide_id=actor.guide_id, day=today)
    managers = managers_of(store_ids=[place.store_id], day=today)[place.store_id]
    claim = OwnershipClaim.objects.create(
        member=member,
        guide_id=place.guide_id,
        store=place.store,
        holder=serving.guide if serving else None,
        holder_store=serving.store if serving else None,
        level=_level(place, serving, managers),
        reason=reason,
        client_id=client_id,
        asked_at=now,
    )
    _audit(claim, "asked", actor)
    if claim.level == AskLevel.STORE:
        title = _("%(name)s asks to become a customer's guide") % {"name": actor.name}
        rows = [(pk, title, claim.get_reason_display(), APPROVALS_PATH) for pk in managers]
        _tell(claim, "asked", rows, now)
    return claim


def _serving(member_id: int) -> ServingPeriod | None:
    current = ServingPeriod.objects.current().select_related("guide", "store")
    return current.filter(member_id=member_id).first()


def _level(place: Posting, serving: ServingPeriod | None, managers: list[int]) -> str:
    """Who stands above both: the manager of the one store, unless a manager is one of the two;
    else the region, and head office where the stores lie in two."""
    parties = {place.guide_id, serving.guide_id if serving else None}
    if serving is not None and serving.store.region_id != place.store.region_id:
        return AskLevel.HQ
    if serving is not None and serving.store_id != place.store_id:
        return AskLevel.REGION
    return AskLevel.REGION if parties & set(managers) or not managers else AskLevel.STORE


@transaction.atomic
def decide_claim(
    *, claim_id: int, grant: bool, actor: Actor, now: datetime
) -> tuple[OwnershipClaim, bool]:
    """Make the claimant the 专属导购, with the open work a friend may take over, or refuse. Returns
    the claim and whether this decided it: what has an end stays as it is.

    Raises OwnershipClaim.DoesNotExist outside the actor's places, NotYoursToDecide, ClaimantGone,
    ServedByAnother.
    """
    seen = OwnershipClaim.objects.visible_to(actor)
    member_id = seen.values_list("member_id", flat=True).get(pk=claim_id)
    lock_members([member_id])
    claim = seen.select_for_update(of=("self",)).get(pk=claim_id)
    if claim.state != State.WAITING:
        return claim, False
    if not OwnershipClaim.objects.waiting_for(actor).filter(pk=claim_id).exists():
        raise NotYoursToDecide
    if grant:
        _give(claim, actor, now)
    _end(claim, State.GRANTED if grant else State.REFUSED, actor, now)
    _tell_both(claim, grant=grant, actor=actor, now=now)
    return claim, True


def _give(claim: OwnershipClaim, actor: Actor, now: datetime) -> None:
    posted = Posting.objects.on(clock.business_day(now)).filter(
        guide_id=claim.guide_id, store_id=claim.store_id
    )
    if not posted.exists():
        raise ClaimantGone(name=claim.guide.name, store=claim.store.name)
    survivor_id = claim.member.survivor_id
    serving = _serving(survivor_id)
    asked_of = (claim.holder_id, claim.holder_store_id)
    if serving is not None and (serving.guide_id, serving.store_id) != asked_of:
        raise ServedByAnother(name=serving.guide.name)
    members.set_serving_guide(
        pairs=[(survivor_id, claim.guide_id, claim.store_id)],
        reason=CLAIMED,
        now=now,
        actor=actor,
    )
    if serving is None:
        return
    open_ids = (
        TaskTarget.objects.open()
        .filter(guide_id=serving.guide_id, member__survivor_id=survivor_id)
        .values_list("pk", flat=True)
    )
    assigning.move_to(
        pairs=dict.fromkeys(open_ids, claim.guide_id), cause=CLAIMED, actor=actor, now=now
    )


@transaction.atomic
def withdraw_claim(*, claim_id: int, actor: Actor, now: datetime) -> OwnershipClaim:
    """The asker takes it back. Safe to repeat; what was decided stays so."""
    mine = OwnershipClaim.objects.filter(guide_id=actor.guide_id or 0)
    claim = mine.select_for_update(of=("self",)).get(pk=claim_id)
    if claim.state == State.WAITING:
        _end(claim, State.WITHDRAWN, actor, now)
    return claim


def _end(claim: OwnershipClaim, state: str, actor: Actor, now: datetime) -> None:
    claim.end(state, by=actor.label, at=now)
    _audit(claim, state, actor)


def _tell_both(claim: OwnershipClaim, *, grant: bool, actor: Actor, now: datetime) -> None:
    path = f"{CUSTOMERS_PATH}{claim.member.public_id}/"
    if not grant:
        words = (_("TA stays with the guide TA has"), _("Your request was refused; ask why"))
        _tell(claim, "decided", [(claim.guide_id, *words, path)], now)
        return
    rows = [(claim.guide_id, _("TA is your customer now"), _("Say hello"), path)]
    if claim.holder_id and claim.holder_id != actor.guide_id:
        title = _("A customer of yours is served by %(name)s now") % {"name": claim.guide.name}
        rows.append((claim.holder_id, title, claim.get_reason_display(), CUSTOMERS_PATH))
    _tell(claim, "decided", rows, now)


def _tell(
    claim: OwnershipClaim, what: str, rows: list[tuple[int, str, str, str]], now: datetime
) -> None:
    queue_guide_notices(
        source=f"ownership_claim:{claim.pk}:{what}",
        rows=rows,
        not_before=hours.for_cards(now),
        now=now,
    )


def _audit(claim: OwnershipClaim, what: str, actor: Actor) -> None:
    accounts.audit(
        actor=actor,
        action=f"claim.{what}",
        object_type="member",
        object_id=claim.member_id,
        detail={"request": claim.pk, "guide": claim.guide_id, "reason": claim.reason},
    )
