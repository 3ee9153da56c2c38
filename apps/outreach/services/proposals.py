"""A guide's own words on their way into the library: offered, then taken, or declined and why."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.outreach import scripts
from apps.outreach.models import MessageTemplate, ScriptProposal
from apps.outreach.services.notices import queue_guide_notices
from apps.stores.models import Guide, Store

LIBRARY_PATH = "/g/tools/scripts/"
State = ScriptProposal.State


class NotYoursToDecide(DomainError):
    code = "not_yours_to_decide"
    message = _("A script is taken in by the store's manager or head office.")


class AlreadyDecided(DomainError):
    code = "already_decided"
    message = _("This script was decided before. Open the page again to see how.")


class ReasonMissing(DomainError):
    code = "reason_missing"
    message = _("Say in a few words why not, so that the guide can change it.")


class NameTaken(DomainError):
    code = "name_taken"
    message = _("A script has this name already. Ask the guide to choose another one.")


@transaction.atomic
def propose_script(
    *, guide: Guide, store: Store, name: str, body: str, client_id: UUID, now: datetime
) -> ScriptProposal:
    """Offer the store a script. The same form sent again is the same proposal."""
    scripts.validate_script(body)
    proposal, _made = ScriptProposal.objects.get_or_create(
        client_id=client_id,
        defaults={
            "guide": guide,
            "store": store,
            "name": name.strip(),
            "body": body.strip(),
            "created_at": now,
        },
    )
    return proposal


def _undecided(proposal: ScriptProposal, actor: Actor) -> ScriptProposal:
    """The row, locked, if this actor may decide it; head office may, and the store's manager."""
    may = Capability.MANAGE_CONTENT if actor.sees_all else Capability.MANAGE_TEAM
    visible = ScriptProposal.objects.visible_to(actor).filter(pk=proposal.pk)
    if not actor.can(may) or not visible.exists():
        raise NotYoursToDecide()
    row = ScriptProposal.objects.select_for_update().get(pk=proposal.pk)
    if row.state != State.WAITING:
        raise AlreadyDecided()
    return row


@transaction.atomic
def take_script(*, proposal: ScriptProposal, actor: Actor, now: datetime) -> MessageTemplate:
    """Into the library, under the guide's name: for the store; head office may open it to all."""
    row = _undecided(proposal, actor)
    if MessageTemplate.objects.filter(name=row.name).exists():
        raise NameTaken()
    plain = "" if scripts.has_customer_variables(row.body) else row.body
    row.template = MessageTemplate.objects.create(
        name=row.name,
        body=row.body,
        generic_body=plain,
        author_id=row.guide_id,
        store_id=row.store_id,
    )
    _decide(row, State.TAKEN, actor, now)
    _tell(row, str(_("Your script is in the library")), now)
    return row.template


@transaction.atomic
def refuse_script(
    *, proposal: ScriptProposal, why: str, actor: Actor, now: datetime
) -> ScriptProposal:
    """Not taken, and the guide reads why."""
    row = _undecided(proposal, actor)
    row.refusal = why.strip()[:200]
    if not row.refusal:
        raise ReasonMissing()
    _decide(row, State.REFUSED, actor, now)
    _tell(row, str(_("Your script was not taken, see why")), now)
    return row


def _decide(row: ScriptProposal, state: str, actor: Actor, now: datetime) -> None:
    row.state, row.reviewed_by, row.reviewed_at = state, actor.label, now
    row.save()
    accounts.audit(
        actor=actor,
        action=f"script_proposal.{state}",
        object_type="script_proposal",
        object_id=row.pk,
    )


def _tell(row: ScriptProposal, words: str, now: datetime) -> None:
    queue_guide_notices(
        source=row.source, rows=[(row.guide_id, words, row.name, LIBRARY_PATH)], now=now
    )
