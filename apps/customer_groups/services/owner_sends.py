"""What owners sent by themselves is kept as WeCom tells it: which groups had it, and when."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Max

from apps.core.bites import delete_in_bites
from apps.customer_groups.models import OwnerSend
from apps.stores.models import Guide
from apps.wecom.shapes.groups import GroupSendResult
from apps.wecom.shapes.mass_sends import MassSendListing

# an owner may confirm later than they made it
LOOKS = (timedelta(hours=1), timedelta(days=1), timedelta(days=3))
NAMED_WITHIN = timedelta(hours=1)  # after the owner has confirmed; then the last look is enough
FIRST_LOOK_BACK = timedelta(days=7)
LAG = timedelta(hours=1)  # the list may miss what is being handed out
KEEP_DAYS = 365


def listed_since(*, corp_id: str, now: datetime) -> datetime:
    """From when on WeCom's list is to be read: shortly before the last one that is known."""
    newest = OwnerSend.objects.filter(corp_id=corp_id).aggregate(at=Max("made_at"))["at"]
    return max(newest - LAG, now - FIRST_LOOK_BACK) if newest else now - FIRST_LOOK_BACK


@transaction.atomic
def note_listed(*, corp_id: str, listed: Sequence[MassSendListing], now: datetime) -> int:
    """Keep those of our guides; returns how many are new. Safe to repeat."""
    known = OwnerSend.objects.filter(corp_id=corp_id, msgid__in=[one.msgid for one in listed])
    there = set(known.values_list("msgid", flat=True))
    guides = Guide.objects.filter(corp_id=corp_id, wecom_userid__in={one.creator for one in listed})
    owners = dict(guides.values_list("wecom_userid", "pk"))
    fresh = [
        OwnerSend(
            corp_id=corp_id,
            msgid=one.msgid,
            guide_id=owners[one.creator],
            made_at=one.created_at,
            due_at=now,
        )
        for one in listed
        if one.creator in owners and one.msgid not in there
    ]
    OwnerSend.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=1_000)
    return len(fresh)


def due_owner_sends(
    *, now: datetime, resting: Collection[str], but: Collection[int], limit: int
) -> list[OwnerSend]:
    """Sends that WeCom is to be asked about, of corps that may be called: first those that count
    for no group yet."""
    due = OwnerSend.objects.filter(due_at__lte=now).exclude(corp_id__in=resting)
    rows = due.exclude(pk__in=but).select_related("guide")
    return list(rows.order_by(F("sent_at").desc(nulls_first=True), "-pk")[:limit])


def note_read(*, send: OwnerSend, results: Sequence[GroupSendResult], now: datetime) -> bool:
    """WeCom named the groups that have it; what it has once named stays. Returns whether any has.
    Safe to repeat."""
    sent = set(send.sent_chat_ids) | {one.chat_id for one in results}
    times = [one.sent_at for one in results if one.sent_at is not None]
    at = send.sent_at or (min(times, default=now) if sent else None)
    all_named = at is not None and now >= at + NAMED_WITHIN
    looks = (send.made_at + look for look in (LOOKS[-1:] if all_named else LOOKS))
    OwnerSend.objects.filter(pk=send.pk).update(
        sent_chat_ids=sorted(sent),
        sent_at=at,
        due_at=next((moment for moment in looks if moment > now), None),
    )
    return bool(sent)


def forget_owner_sends(*, now: datetime) -> int:
    """Delete old ones; returns how many went."""
    old = OwnerSend.objects.filter(made_at__lt=now - timedelta(days=KEEP_DAYS))
    return delete_in_bites(old)
