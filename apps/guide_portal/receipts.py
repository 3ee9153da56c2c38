"""Acts that happen once, however often a phone sends them."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from apps.core.errors import DomainError
from apps.guide_portal.models import ActionReceipt

BATCH = 10_000
# what a phone brings in late can be taken back from then on, whatever its own clock said
UNDO_WITHIN = timedelta(minutes=10)
UNDONE_BY_AUTHOR = ("note", "visit")


@transaction.atomic
def once(*, guide_id: int, client_id: uuid.UUID, act: Callable[[], object], kind: str = "") -> bool:
    """Do `act` unless this guide's phone did it already; False when it is known.

    Receipt and effect commit together: an act that was refused or broke may be sent again, also one
    that the phone's queue was refused.
    """
    receipt, is_new = ActionReceipt.objects.get_or_create(
        guide_id=guide_id, client_id=client_id, defaults={"kind": kind}
    )
    if not is_new and receipt.outcome == ActionReceipt.Outcome.REFUSED:
        again = ActionReceipt.objects.filter(pk=receipt.pk, outcome=receipt.outcome)
        # another one who tries at this moment waits here, and finds it done
        is_new = bool(
            again.update(outcome=ActionReceipt.Outcome.DONE, code="", reason="", created_at=Now())
        )
    if is_new:
        act()
    return is_new


@transaction.atomic
def answered(
    *, guide_id: int, client_id: uuid.UUID, kind: str, act: Callable[[], object]
) -> ActionReceipt:
    """The receipt of an act, done now if it is new. A rule's refusal is an answer that stands.

    Two deliveries at once: the second waits at the unique key and reads the first one's answer.
    """
    receipt, is_new = ActionReceipt.objects.get_or_create(
        guide_id=guide_id, client_id=client_id, defaults={"kind": kind}
    )
    if not is_new:
        return receipt
    try:
        with transaction.atomic():
            act()
    except DomainError as error:
        receipt.outcome = ActionReceipt.Outcome.REFUSED
        receipt.code, receipt.reason = error.code[:40], str(error)[:200]
        receipt.save(update_fields=["outcome", "code", "reason"])
    return receipt


def known(*, guide_id: int, client_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, ActionReceipt]:
    """The receipts that are there already, in one query."""
    found = ActionReceipt.objects.filter(guide_id=guide_id, client_id__in=list(client_ids))
    return {receipt.client_id: receipt for receipt in found}


def undoable(*, guide_id: int | Combinable) -> QuerySet[ActionReceipt]:
    """Notes and visits this guide's phone brought just now."""
    return ActionReceipt.objects.filter(
        guide_id=guide_id,
        kind__in=UNDONE_BY_AUTHOR,
        outcome=ActionReceipt.Outcome.DONE,
        created_at__gte=Now() - UNDO_WITHIN,
    )


def forget_receipts(*, now: datetime) -> int:
    """Drop receipts past their keeping; no phone sends an act again after so long."""
    before = now - timedelta(days=settings.GUIDE_RECEIPT_DAYS)
    total = 0
    while True:
        old = ActionReceipt.objects.filter(created_at__lt=before).values("pk")[:BATCH]
        gone, _by_model = ActionReceipt.objects.filter(pk__in=old).delete()
        total += gone
        if gone < BATCH:
            return total
