"""What owners sent by themselves is kept as WeCom tells it: which groups had it, and when."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.customer_groups.models import OwnerSend
from apps.outreach.services import forget_own_sends, next_look
from apps.wecom.shapes.groups import GroupSendResult

# an owner may confirm later than they made it
LOOKS = (timedelta(hours=1), timedelta(days=1), timedelta(days=3))
NAMED_WITHIN = timedelta(hours=1)  # after the owner has confirmed; then the last look is enough
KEEP_DAYS = 365


def note_read(*, send: OwnerSend, results: Sequence[GroupSendResult], now: datetime) -> bool:
    """WeCom named the groups that have it; what it has once named stays. Returns whether any has.
    Safe to repeat."""
    sent = set(send.sent_chat_ids) | {one.chat_id for one in results}
    times = [one.sent_at for one in results if one.sent_at is not None]
    at = send.sent_at or (min(times, default=now) if sent else None)
    all_named = at is not None and now >= at + NAMED_WITHIN
    OwnerSend.objects.filter(pk=send.pk).update(
        sent_chat_ids=sorted(sent),
        sent_at=at,
        due_at=next_look(send, looks=LOOKS[-1:] if all_named else LOOKS, now=now),
    )
    return bool(sent)


def forget_owner_sends(*, now: datetime) -> int:
    """Delete old ones; returns how many went."""
    return forget_own_sends(OwnerSend, now=now, days=KEEP_DAYS)
