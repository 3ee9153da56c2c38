"""A guide's own words on their way into the library: offered, then taken, or declined and why.

The store's manager decides first. What the store has taken head office may open to the whole chain;
it keeps its author, and where head office says no the store keeps the script.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import hours
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


class NotForTheChain(DomainError):
    code = "not_for_the_chain"
    message = _("Head office decides once about a script that its store has taken.")


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


# --- head office's word ---------------------------------------------------------------------------


def _for_chain(proposal: ScriptProposal, actor: Actor) -> ScriptProposal:
    """The row, locked, if head office may decide about it."""
    if not actor.sees_all or not actor.can(Capability.MANAGE_CONTENT):
        raise NotYoursToDecide()
    row = ScriptProposal.objects.select_for_update().get(pk=proposal.pk)
    if row.state != State.TAKEN or row.chain:
        raise NotForTheChain()
    return row


@transaction.atomic
def open_to_chain(*, proposal: ScriptProposal, actor: Actor, now: datetime) -> MessageTemplate:
    """Every store may use it from now on; it stays under its author's name."""
    row = _for_chain(proposal, actor)
    script = MessageTemplate.objects.select_for_update().get(pk=row.template_id or 0)
    script.store = None
    script.save(update_fields=["store"])
    _decide_for_chain(row, ScriptProposal.Chain.OPENED, "", actor, now)
    _tell(row, str(_("Your script is used by the whole chain")), now, step="chain")
    return script


@transaction.atomic
def keep_from_chain(
    *, proposal: ScriptProposal, why: str, actor: Actor, now: datetime
) -> ScriptProposal:
    """It stays with its store, and the guide reads why."""
    row = _for_chain(proposal, actor)
    if not why.strip():
        raise ReasonMissing()
    _decide_for_chain(row, ScriptProposal.Chain.REFUSED, why.strip()[:200], actor, now)
    _tell(row, str(_("Your script stays with your store, see why")), now, step="chain")
    return row


def _decide_for_chain(
    row: ScriptProposal, chain: str, why: str, actor: Actor, now: datetime
) -> None:
    row.chain, row.chain_refusal, row.chain_by, row.chain_at = chain, why, actor.label, now
    row.save()
    _audit(row, f"script_proposal.chain_{chain}", actor)


def _decide(row: ScriptProposal, state: str, actor: Actor, now: datetime) -> None:
    row.state, row.reviewed_by, row.reviewed_at = state, actor.label, now
    row.save()
    _audit(row, f"script_proposal.{state}", actor)


def _audit(row: ScriptProposal, action: str, actor: Actor) -> None:
    accounts.audit(actor=actor, action=action, object_type="script_proposal", object_id=row.pk)


def _tell(row: ScriptProposal, words: str, now: datetime, *, step: str = "") -> None:
    """One card for each step of the way."""
    source = f"{row.source}:{step}" if step else row.source
    queue_guide_notices(
        source=source,
        rows=[(row.guide_id, words, row.name, LIBRARY_PATH)],
        not_before=hours.for_cards(now),
        now=now,
    )
