"""What guides sent by themselves: kept as WeCom lists it, counted in its receivers' budgets and
kept as a contact with each.

The first half serves every kind of own send, to customers and to groups; who counts what of a
kind is that kind's business.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import F, Max

from apps.core.bites import delete_in_bites
from apps.members import services as contacts
from apps.members.models import FollowRelation
from apps.outreach import ledger
from apps.outreach.models import GuideSend, OwnSend
from apps.outreach.policy import month_of
from apps.outreach.services import budget
from apps.stores.models import Guide
from apps.wecom.shapes.mass_sends import MassSendListing, SendResult, SendStatus

Kind = TypeVar("Kind", bound=OwnSend)

FIRST_LOOK_BACK = timedelta(days=7)
LAG = timedelta(hours=1)  # the list may miss what is being handed out

# a send waits in the guide's phone until they confirm it
LOOKS = (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1), timedelta(days=3))
AGAIN = timedelta(minutes=10)  # while WeCom is handing it out
HANDED_OUT_WITHIN = timedelta(hours=1)  # whom it did not name until then it will not name
KEEP_DAYS = 31


def listed_since(model: type[OwnSend], *, corp_id: str, now: datetime) -> datetime:
    """From when on WeCom's list is to be read: shortly before the last one that is known."""
    known = model._default_manager.filter(corp_id=corp_id)
    newest = known.aggregate(at=Max("made_at"))["at"]
    return max(newest - LAG, now - FIRST_LOOK_BACK) if newest else now - FIRST_LOOK_BACK


@transaction.atomic
def keep_listed(
    model: type[OwnSend], *, corp_id: str, listed: Sequence[MassSendListing], now: datetime
) -> int:
    """Keep those of our guides; returns how many are new. Safe to repeat."""
    rows = model._default_manager
    known = rows.filter(corp_id=corp_id, msgid__in=[one.msgid for one in listed])
    there = set(known.values_list("msgid", flat=True))
    guides = Guide.objects.filter(corp_id=corp_id, wecom_userid__in={one.creator for one in listed})
    makers = dict(guides.values_list("wecom_userid", "pk"))
    fresh = [
        model(
            corp_id=corp_id,
            msgid=one.msgid,
            guide_id=makers[one.creator],
            made_at=one.created_at,
            due_at=now,
        )
        for one in listed
        if one.creator in makers and one.msgid not in there
    ]
    rows.bulk_create(fresh, ignore_conflicts=True, batch_size=1_000)
    return len(fresh)


def due_own_sends(
    model: type[Kind],
    *,
    now: datetime,
    resting: Collection[str],
    but: Collection[int],
    limit: int,
) -> list[Kind]:
    """Sends that WeCom is to be asked about, of corps that may be called: first those that count
    for nobody yet."""
    due = model._default_manager.filter(due_at__lte=now).exclude(corp_id__in=resting)
    rows = due.exclude(pk__in=but).select_related("guide")
    return list(rows.order_by(F("sent_at").desc(nulls_first=True), "-pk")[:limit])


def next_look(send: OwnSend, *, looks: Sequence[timedelta], now: datetime) -> datetime | None:
    """When WeCom is asked about it again; None once it was asked often enough."""
    moments = (send.made_at + look for look in looks)
    return next((moment for moment in moments if moment > now), None)


def forget_own_sends(model: type[OwnSend], *, now: datetime, days: int = KEEP_DAYS) -> int:
    """Delete old ones; returns how many went."""
    old = model._default_manager.filter(made_at__lt=now - timedelta(days=days))
    return delete_in_bites(old)


@transaction.atomic
def note_guide_send(
    *,
    send: GuideSend,
    confirmed_at: datetime | None,
    results: Sequence[SendResult],
    now: datetime,
) -> bool:
    """WeCom's word on one send to customers. Who got it has one place less in the period it was
    sent in, and was contacted by this guide; who got nothing because of the limit has none left.
    Returns whether it was counted.

    Counted once, when WeCom has named everybody. `confirmed_at` is None while the guide has not
    confirmed it. Safe to repeat.
    """
    row = GuideSend.objects.select_for_update().get(pk=send.pk)
    if row.sent_at is not None:
        return False
    later = next_look(row, looks=LOOKS, now=now)
    waiting = any(one.status == SendStatus.NOT_YET for one in results)
    if confirmed_at is None or (waiting and now < confirmed_at + HANDED_OUT_WITHIN):
        soon = later if confirmed_at is None else now + AGAIN
        GuideSend.objects.filter(pk=row.pk).update(due_at=soon)
        return False
    told = [one for one in results if one.status in (SendStatus.SENT, SendStatus.OVER_LIMIT)]
    _count(row, told, now)
    GuideSend.objects.filter(pk=row.pk).update(sent_at=confirmed_at, due_at=None)
    return True


def _count(send: GuideSend, told: Sequence[SendResult], now: datetime) -> None:
    friends = FollowRelation.objects.filter(
        guide_id=send.guide_id, external_userid__in={one.external_userid for one in told}
    )
    members = dict(friends.values_list("external_userid", "member_id"))
    got: dict[date, list[int]] = defaultdict(list)
    full: dict[date, list[int]] = defaultdict(list)
    reached: dict[int, contacts.Delivered] = {}
    for one in told:
        if one.external_userid in members:
            member_id, at = members[one.external_userid], one.sent_at or now
            if one.status == SendStatus.SENT:
                got[month_of(at)].append(member_id)
                source = f"{ledger.OWN_SEND}{send.pk}:{member_id}"
                reached[member_id] = contacts.Delivered(member_id, send.guide_id, at, source)
            else:
                full[month_of(at)].append(member_id)
    for month, ids in got.items():
        budget.count_more(member_ids=ids, month=month)
    if month_of(now) in full:  # of a period that is over nothing is left to know
        budget.fill_up(member_ids=full[month_of(now)], now=now)
    contacts.record_messages(list(reached.values()))
