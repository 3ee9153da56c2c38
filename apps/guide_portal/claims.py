"""归属申请 as pages show it: the asking guide's page, and the row of who decides."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.guide_portal.cards import Person
from apps.handovers import selectors
from apps.handovers.models import OwnershipClaim
from apps.members.models import Member, ServingPeriod
from apps.members.selectors import masked_name


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim that waits for a word: both sides, with what speaks for each."""

    pk: int
    person: Person
    place: str
    about: str
    reason: str
    asked_at: datetime
    sides: list[tuple[str, str]]
    owners: str


def waiting_rows(*, actor: Actor, now: datetime) -> list[ClaimRow]:
    """What the actor decides, the oldest first; one query."""
    return [_row(case) for case in selectors.claims_waiting_for(actor=actor, now=now)]


def _row(case: selectors.ClaimCase) -> ClaimRow:
    claim = case.claim
    sides = [(claim.guide.name, case.asker.words)]
    if claim.holder is not None and claim.holder_store is not None:
        now = _("Serving guide, %(store)s") % {"store": claim.holder_store.name}
        sides.append((claim.holder.name, f"{now} · {case.holder.words}"))
    return ClaimRow(
        pk=claim.pk,
        person=Person(pk=claim.guide_id, public_id=None, name=claim.guide.name),
        place=claim.store.name,
        about=masked_name(claim.member) or _("Customer without a name"),
        reason=claim.get_reason_display(),
        asked_at=claim.asked_at,
        sides=sides,
        owners=_owners(claim),
    )


def _owners(claim: OwnershipClaim) -> str:
    """A customer who goes to a store of another owner goes to another company."""
    ours, theirs = claim.store, claim.holder_store
    if theirs is None or theirs.legal_entity_id == ours.legal_entity_id:
        return ""
    return _("Owners differ: %(a)s, %(b)s") % {
        "a": theirs.legal_entity.name,
        "b": ours.legal_entity.name,
    }


@dataclass(frozen=True, slots=True)
class ClaimPage:
    """Who serves TA now, and the own claim that waits."""

    serving: str
    is_mine: bool
    waiting: OwnershipClaim | None


def claim_page(*, member: Member, actor: Actor) -> ClaimPage:
    current = ServingPeriod.objects.current().select_related("guide", "store")
    serving = current.filter(member_id=member.survivor_id).first()
    mine = OwnershipClaim.objects.waiting().filter(guide_id=actor.guide_id or 0)
    return ClaimPage(
        serving=f"{serving.guide.name} · {serving.store.name}" if serving else "",
        is_mine=serving is not None and serving.guide_id == actor.guide_id,
        waiting=mine.filter(member_id=member.survivor_id).first(),
    )
