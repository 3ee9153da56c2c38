"""Who a successor could not take goes to the next one; who said no is left to a person."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from apps.handovers import reasons
from apps.handovers.models import HandoverItem, HandoverRun
from apps.handovers.services.choosing import Customer, choose, colleagues, used_up
from apps.handovers.services.running import attempt

State = HandoverItem.State
_SUCCESSOR_AT_FAULT = [*map(str, sorted(reasons.OTHER_SUCCESSOR)), reasons.NOT_TAKING]


def pass_on(*, run: HandoverRun, items: Sequence[HandoverItem], now: datetime) -> int:
    """A next attempt with another colleague for items that ended because of their successor.

    Whoever has turned out unable in this run is not asked again. Items without anybody left keep
    their state: they are the manager's. Returns how many go on.
    """
    spent = used_up(run=run, externals=[one.external_userid for one in items], now=now)
    going = [one for one in items if one.external_userid not in spent]
    if not going:
        return 0
    customers = {Customer(one.member_id, one.external_userid): one for one in going}
    among = colleagues(
        store=run.to_store,
        corp_id=run.corp_id,
        without=[run.guide_id, *_unable(run)],
        customers=customers,
        now=now,
    )
    chosen = choose(list(customers), among, tried=_tried(run, going))
    to = {customers[who].pk: guide_id for who, guide_id in chosen.items() if guide_id is not None}
    rows = [one for one in going if one.pk in to]
    if rows:
        attempt(run=run, rows=rows, to=to, now=now)
    return len(rows)


def _unable(run: HandoverRun) -> list[int]:
    """Successors whose list is full, or who may not have customers."""
    found = run.items.filter(Q(state=State.FULL) | Q(reason__in=_SUCCESSOR_AT_FAULT))
    ids = found.exclude(takeover=None).order_by().values_list("takeover_id", flat=True)
    return sorted(pk for pk in ids.distinct() if pk is not None)


def _tried(run: HandoverRun, items: Sequence[HandoverItem]) -> dict[str, set[int]]:
    tried: dict[str, set[int]] = defaultdict(set)
    rows = run.items.filter(external_userid__in=[one.external_userid for one in items])
    for external, guide_id in rows.values_list("external_userid", "takeover_id"):
        if guide_id is not None:
            tried[external].add(guide_id)
    return tried
