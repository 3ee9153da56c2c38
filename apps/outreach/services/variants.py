"""A store's own wording of head office's script, within the limits head office set.

Only scripts that head office has opened for it; every variable and link stays and none is added,
so that what is filled in and what is counted stay the same.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core.errors import DomainError
from apps.outreach import scripts
from apps.outreach.models import MessageTemplate, ScriptVariant
from apps.stores.models import Store


class NotYoursToWord(DomainError):
    code = "not_yours_to_word"
    message = _("Only the manager of the store words a script for it.")


class NotOpenToStores(DomainError):
    code = "not_open_to_stores"
    message = _("Head office has not opened this script for stores' own words.")


class ScriptChanged(DomainError):
    code = "script_changed"
    message = _("Head office changed the script meanwhile. Read it again, then say it your way.")


class NoVariantThere(DomainError):
    code = "no_variant_there"
    message = _("These words are not in use any more.")


class WhyMissing(DomainError):
    code = "why_missing"
    message = _("Say in a few words why, so that the manager can change it.")


@transaction.atomic
def word_script(
    *,
    script: MessageTemplate,
    store: Store,
    body: str,
    generic_body: str,
    seen: str,
    actor: Actor,
    now: datetime,
) -> ScriptVariant:
    """The store says it in its own words from now on; its results are counted anew from here.

    `seen` is the mark of head office's words that stood on the page. Raises
    NotYoursToWord, NotOpenToStores, ScriptChanged, and what `scripts.validate_wording` raises.
    """
    if not actor.can(Capability.MANAGE_TEAM) or store.pk not in actor.store_ids:
        raise NotYoursToWord()
    row = MessageTemplate.objects.select_for_update().get(pk=script.pk)
    if not row.stores_may_edit or row.store_id is not None or not row.is_active:
        raise NotOpenToStores()
    if seen != row.words_mark:
        raise ScriptChanged()
    body, generic_body = body.strip(), generic_body.strip()
    scripts.validate_wording(body, instead_of=row.body)
    scripts.validate_wording(generic_body, instead_of=row.generic_body)
    variant, _made = ScriptVariant.objects.update_or_create(
        script=row,
        store=store,
        defaults={
            "body": body,
            "generic_body": generic_body,
            "base_body": row.body,
            "base_generic_body": row.generic_body,
            "written_by": actor.label,
            "since": now,
            "withdrawn_at": None,
            "withdrawn_by": "",
            "why": "",
        },
    )
    _audit(variant, "written", actor)
    return variant


@transaction.atomic
def withdraw_variant(
    *, variant: ScriptVariant, why: str, actor: Actor, now: datetime
) -> ScriptVariant:
    """Head office's words count again, at once. Head office says why; a manager need not."""
    held = ScriptVariant.objects.select_for_update(of=("self",)).visible_to(actor)
    row = held.filter(pk=variant.pk).first()
    of_store = row is not None and row.store_id in actor.store_ids
    may = Capability.MANAGE_TEAM if of_store else Capability.MANAGE_CONTENT
    if row is None or not actor.can(may):
        raise NotYoursToWord()
    if row.withdrawn_at is not None:
        raise NoVariantThere()
    row.why = why.strip()[:200]
    if not row.why and not of_store:
        raise WhyMissing()
    row.withdrawn_at, row.withdrawn_by = now, actor.label
    row.save()
    _audit(row, "withdrawn", actor)
    return row


def _audit(row: ScriptVariant, what: str, actor: Actor) -> None:
    accounts.audit(
        actor=actor,
        action=f"script_variant.{what}",
        object_type="script_variant",
        object_id=row.pk,
        detail={"store": row.store_id},
    )
