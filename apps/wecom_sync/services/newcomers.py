"""An account WeCom gave to somebody new: its leaver's customers are handed over first, or the
newcomer would open every one of them, and nobody could hand them over any more."""

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM
from apps.stores import services as stores
from apps.stores.models import Guide
from apps.wecom_sync.selectors import NEWCOMER_WAITS, has_customers_still, leavers_with_newcomer


@transaction.atomic
def let_in(*, guide: Guide, name: str) -> bool:
    """Make the leaver anew for whoever has the account now, or note that they wait for the
    handover. Returns whether they are in. Safe to repeat."""
    guide = Guide.objects.select_for_update(no_key=True, of=("self",)).get(pk=guide.pk)
    if guide.status != Guide.Status.LEFT:
        return True
    if Guide.objects.filter(has_customers_still(), pk=guide.pk).exists():
        if not leavers_with_newcomer().filter(pk=guide.pk).exists():
            accounts.audit(
                actor=SYSTEM, action=NEWCOMER_WAITS, object_type="stores.guide", object_id=guide.pk
            )
        return False
    stores.guide_made_anew(guide=guide, name=name)
    return True
