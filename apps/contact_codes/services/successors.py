"""Who left, or moved on: their codes lead to somebody else, posters stay as they hang."""

from datetime import datetime

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.contact_codes.errors import CorpsMixed
from apps.contact_codes.models import ChannelCode, CodeShift
from apps.contact_codes.services.duty import refresh_duty
from apps.stores.models import Guide


@transaction.atomic
def point_to_successor(
    *, guide_id: int, successor_id: int, actor: Actor, now: datetime
) -> list[int]:
    """A leaver's codes, shifts and places as backup become the successor's. Safe to repeat.

    Returns the codes that changed. Without a successor nothing has to be called: the roster leaves
    a leaver out, and the store's colleagues at work receive. Raises CorpsMixed for a successor of
    another corp: there the name may be a stranger's.
    """
    corps = dict(Guide.objects.filter(pk__in=[guide_id, successor_id]).values_list("pk", "corp_id"))
    if corps[guide_id] != corps[successor_id]:
        raise CorpsMixed()
    own = ChannelCode.objects.running().select_for_update().filter(corp_id=corps[guide_id])
    mine = set(own.filter(guide_id=guide_id).values_list("pk", flat=True))
    backed = set(own.filter(backup_id=guide_id).values_list("pk", flat=True))
    shifts = CodeShift.objects.filter(
        guide_id=guide_id, code__stopped_at=None, code__corp_id=corps[guide_id]
    )
    shifted = set(shifts.values_list("code_id", flat=True))
    changed = sorted(mine | backed | shifted)
    if not changed:
        return []
    ChannelCode.objects.filter(pk__in=mine).update(guide_id=successor_id)
    ChannelCode.objects.filter(pk__in=backed).update(backup_id=successor_id)
    shifts.update(guide_id=successor_id)
    accounts.audit(
        actor=actor,
        action="contact_code.handed_over",
        object_type="guide",
        object_id=guide_id,
        detail={"to": successor_id, "codes": len(changed)},
    )
    refresh_duty(now=now, code_ids=changed)
    return changed
