"""WeCom's own list of leavers' customers, held against our handovers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from apps.handovers.models import HandoverItem, UnassignedLeaver
from apps.handovers.querysets import OPEN
from apps.members.models import FollowRelation
from apps.stores.models import Guide
from apps.wecom.shapes import Unassigned

# WeCom takes a while to strike whoever has gone over off its list
LAG = timedelta(hours=1)

State = HandoverItem.State


@dataclass(frozen=True, slots=True)
class Held:
    """The list beside ours: a row for each leaver, and the customers that are done by our count."""

    rows: list[UnassignedLeaver]
    done_here: list[int]


class _Item(NamedTuple):
    """How far a handover of ours has come."""

    pk: int
    state: str
    ended_at: datetime | None


_NO_ITEM = _Item(0, "", None)


def hold_against_ours(*, corp_id: str, listed: Sequence[Unassigned], now: datetime) -> Held:
    """What each leaver's listed customers are to us; three queries, whatever their number."""
    guides = {
        guide.wecom_userid: guide
        for guide in Guide.objects.filter(
            corp_id=corp_id, wecom_userid__in={one.userid for one in listed}
        )
    }
    ids = [guide.pk for guide in guides.values()]
    items = _items(ids)
    friends = set(
        FollowRelation.objects.current()
        .filter(corp_id=corp_id, guide_id__in=ids)
        .values_list("guide_id", "external_userid")
    )
    counted: dict[str, Counter[str]] = {}
    done: list[int] = []
    for one in listed:
        guide = guides.get(one.userid)
        key = (guide.pk if guide else 0, one.external_userid)
        item = items.get(key, _NO_ITEM)
        place = _place_of(one, item, is_known=guide is None or key in friends, now=now)
        counted.setdefault(one.userid, Counter()).update(("customers", place))
        if place == "done_here":
            done.append(item.pk)
    left_at = {one.userid: one.left_at for one in listed}
    rows = [
        UnassignedLeaver(
            corp_id=corp_id,
            userid=userid,
            guide=guides.get(userid),
            left_at=left_at[userid],
            customers=found["customers"],
            done_here=found["done_here"],
            on_way=found["on_way"],
            unknown_here=found["unknown_here"],
            read_at=now,
        )
        for userid, found in counted.items()
    ]
    return Held(rows=rows, done_here=done)


def _place_of(one: Unassigned, item: _Item, *, is_known: bool, now: datetime) -> str:
    """The count of ours to which a listed customer belongs; "" = to none."""
    if item.state == State.DONE and not _of_an_earlier_time(item.ended_at, one.left_at):
        is_told = item.ended_at is None or item.ended_at <= now - LAG
        return "done_here" if is_told else ""
    if item.state in OPEN:
        return "on_way"
    # no success: a person sees it in the report, or has said that the store keeps the customer
    if item.pk and item.state != State.DONE:
        return ""
    return "" if is_known else "unknown_here"


def _of_an_earlier_time(ended_at: datetime | None, left_at: datetime | None) -> bool:
    """Handed over before they left: whoever is on the list now became their friend again since."""
    return ended_at is not None and left_at is not None and ended_at < left_at


def _items(guide_ids: Sequence[int]) -> dict[tuple[int, str], _Item]:
    """The latest attempt for each customer of these guides, be it over: whom the store keeps is
    nobody's in WeCom for good."""
    rows = HandoverItem.objects.filter(guide_id__in=guide_ids).exclude(external_userid="")
    return {
        (guide_id, external): _Item(pk, state, ended_at)
        for pk, guide_id, external, state, ended_at in rows.order_by("pk").values_list(
            "pk", "guide_id", "external_userid", "state", "ended_at"
        )
    }


@transaction.atomic
def keep_unassigned(*, corp_id: str, held: Held, now: datetime) -> None:
    """The last look takes the place of the one before. Safe to repeat."""
    UnassignedLeaver.objects.filter(corp_id=corp_id).delete()
    UnassignedLeaver.objects.bulk_create(held.rows, batch_size=1_000)
    marked = HandoverItem.objects.filter(run__corp_id=corp_id)
    marked.exclude(unassigned_at=None).exclude(pk__in=held.done_here).update(unassigned_at=None)
    marked.filter(pk__in=held.done_here).update(unassigned_at=now)
