"""What of a guide's goes to a successor with a customer: the WeCom friendship, the next follow-up,
and who is still to be invited. The 专属导购 itself: `relations.set_serving_guide`."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from apps.accounts.actor import Actor
from apps.members.models import AddWay, EnrolDraft, FollowRelation, FollowUp
from apps.members.services.relations import FollowRow, end_follows, start_follows

# a transfer may be told as a deletion first; that near to it they are the same thing
TOLD_AS_DELETED = timedelta(hours=2)

EndedBy = FollowRelation.EndedBy


class Succession(NamedTuple):
    """A friendship that WeCom gave to `guide_id` at this moment."""

    guide_id: int
    member_id: int
    external_userid: str
    at: datetime


@transaction.atomic
def move_friends(
    *, corp_id: str, from_guide_id: int, rows: Sequence[Succession], now: datetime, actor: Actor
) -> list[FollowRelation]:
    """End the giver's friendships as transferred and begin the successors'; returns the new ones.

    Whatever events or the comparison told before is kept, never doubled: a friendship that stands
    already is this one, and an end that was told as a deletion becomes a transfer.
    """
    by_moment: dict[datetime, list[str]] = defaultdict(list)
    for row in rows:
        by_moment[row.at].append(row.external_userid)
    theirs = FollowRelation.objects.filter(corp_id=corp_id, guide_id=from_guide_id)
    for at, externals in by_moment.items():
        of_these = theirs.filter(external_userid__in=externals)
        of_these.filter(
            until__gte=at - TOLD_AS_DELETED, ended_by__in=[EndedBy.GUIDE, EndedBy.RECONCILED]
        ).update(ended_by=EndedBy.TRANSFER)
        standing = list(of_these.filter(until=None).values_list("pk", flat=True))
        end_follows(relation_ids=standing, at=at, ended_by=EndedBy.TRANSFER, actor=actor)
    return start_follows(
        rows=[
            FollowRow(
                corp_id=corp_id,
                guide_id=row.guide_id,
                member_id=row.member_id,
                external_userid=row.external_userid,
                since=row.at,
                add_way=AddWay.ASSIGNED,
            )
            for row in rows
        ],
        now=now,
        actor=actor,
    )


@transaction.atomic
def move_follow_ups(*, from_guide_id: int, to: dict[int, int]) -> int:
    """下次跟进 of these members ({member: successor}) becomes the successor's, unless they have set
    a day of their own; returns how many moved."""
    members_of: dict[int, list[int]] = defaultdict(list)
    for member_id, guide_id in to.items():
        members_of[guide_id].append(member_id)
    moved = 0
    for guide_id, member_ids in members_of.items():
        own = FollowUp.objects.standing().filter(guide_id=guide_id, member_id=OuterRef("member_id"))
        moved += (
            FollowUp.objects.standing()
            .filter(~Exists(own), guide_id=from_guide_id, member_id__in=member_ids)
            .update(guide_id=guide_id)
        )
    return moved


@transaction.atomic
def move_drafts(*, from_guide_id: int, store_id: int, among: Sequence[int]) -> int:
    """待邀请 of somebody who has gone: shared out among these guides, who has fewest first; returns
    how many moved. Their codes stay good."""
    waiting = EnrolDraft.objects.waiting()
    theirs = list(
        waiting.select_for_update()
        .filter(guide_id=from_guide_id, store_id=store_id)
        .order_by("made_at", "pk")
        .values_list("pk", flat=True)
    )
    if not theirs or not among:
        return 0
    have = waiting.filter(guide_id__in=among).order_by().values_list("guide_id")
    load = Counter(dict(have.annotate(n=Count("pk"))))
    for_guide: dict[int, list[int]] = defaultdict(list)
    for pk in theirs:
        chosen = min(among, key=lambda one: (load[one], one))
        load[chosen] += 1
        for_guide[chosen].append(pk)
    for guide_id, ids in for_guide.items():
        EnrolDraft.objects.filter(pk__in=ids).update(guide_id=guide_id)
    return len(theirs)
