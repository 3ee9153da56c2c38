"""Whom WeCom will not hand over: the store keeps serving them, the leaver's friendship is over.

As long as a leaver has customers, nobody new gets in by their WeCom account. Who refused, or whom
WeCom allows no third time, would hold it for good; a person says that the store is enough.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.handovers.errors import NothingToTryAgain, StillWorksHere
from apps.handovers.models import HandoverItem, HandoverRun
from apps.handovers.services import settling
from apps.handovers.services.planning import demand_leader, demand_successor, held
from apps.handovers.services.running import AGAIN
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.stores.models import Guide

State = HandoverRun.State


@transaction.atomic
def keep_in_store(
    *, run: HandoverRun, to: Guide, item_ids: Sequence[int], actor: Actor, now: datetime
) -> int:
    """Of a leaver's customers who could not go over in WeCom, these are served by `to` from now on,
    without a friendship; returns how many. The attempt in WeCom stays as history.

    Raises NotYourHandover, HandoverBegun, StillWorksHere, NotASuccessor, InAnotherCorp,
    NothingToTryAgain.
    """
    demand_leader(actor)
    run = held(run, State.RUNNING, State.DONE)
    if not run.has_left:
        raise StillWorksHere(name=run.guide.name)
    demand_successor(run, to, now)
    wanted = run.items.current().select_for_update().filter(pk__in=list(item_ids), state__in=AGAIN)
    rows = list(wanted.exclude(external_userid="").order_by("pk"))
    if not rows:
        raise NothingToTryAgain()
    _end_friendships(run, [one.external_userid for one in rows], actor, now)
    HandoverItem.objects.filter(pk__in=[one.pk for one in rows]).update(is_current=False)
    there = run.items.current().filter(external_userid="").values_list("member_id", flat=True)
    persons = {one.member_id for one in rows} - set(there)
    fresh = HandoverItem.objects.bulk_create(
        HandoverItem(run=run, guide_id=run.guide_id, takeover=to, member_id=member_id)
        for member_id in sorted(persons)
    )
    settling.finish(run=run, items=fresh, at=now, now=now, actor=actor)
    settling.close_runs(run_ids=[run.pk], now=now)
    accounts.audit(
        actor=actor,
        action="handover.kept_in_store",
        object_type="handover_run",
        object_id=run.pk,
        detail={"customers": len(rows), "to": to.pk},
    )
    return len(rows)


def _end_friendships(
    run: HandoverRun, externals: Sequence[str], actor: Actor, now: datetime
) -> None:
    """With an account that is nobody's any more: neither side has deleted the other."""
    mine = FollowRelation.objects.current().filter(guide_id=run.guide_id, corp_id=run.corp_id)
    members.end_follows(
        relation_ids=list(mine.filter(external_userid__in=externals).values_list("pk", flat=True)),
        at=now,
        ended_by=FollowRelation.EndedBy.RECONCILED,
        actor=actor,
    )
