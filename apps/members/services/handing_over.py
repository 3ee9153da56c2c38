"""Customers get a 专属导购: those who have none, and those whose guide left or works elsewhere now.

Shared out by load: a colleague who is TA's WeCom friend already goes first, else who serves fewest.
WeCom friendships stay as they are; they are told by WeCom alone.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.errors import DomainError
from apps.members.models import FollowRelation, Member, ServingPeriod
from apps.members.services.relations import set_serving_guide
from apps.stores.models import Guide, Posting, Store

ASSIGNED, HANDED_OVER = "assigned", "handed_over"
# one tap gives at most so many; a second tap gives the rest
AT_ONCE = 5_000


class NobodyToServe(DomainError):
    code = "nobody_to_serve"
    message = _("Choose somebody who works in this store today.")


@transaction.atomic
def share_members(
    *,
    store: Store,
    member_ids: Collection[int],
    among: Collection[int],
    reason: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Give members to these guides of the store, the least busy first; returns how many changed.

    The same again changes nothing for who is served by one of them already. Raises NobodyToServe.
    """
    guides = sorted(
        Posting.objects.on(clock.business_day(now))
        .filter(store=store, guide_id__in=among, guide__status=Guide.Status.ACTIVE)
        .values_list("guide_id", flat=True)
    )
    if not guides:
        raise NobodyToServe()
    wanted = _living(member_ids)
    served = ServingPeriod.objects.current().filter(guide_id__in=guides)
    wanted -= set(served.filter(member_id__in=wanted).values_list("member_id", flat=True))
    chosen = _choose(sorted(wanted)[:AT_ONCE], guides)
    changed = set_serving_guide(
        pairs=[(member_id, guide_id, store.pk) for member_id, guide_id in chosen.items()],
        reason=reason,
        now=now,
        actor=actor,
    )
    if changed:
        accounts.audit(
            actor=actor,
            action=f"members.{reason}",
            object_type="store",
            object_id=store.pk,
            detail={"members": changed, "guides": sorted(set(chosen.values()))},
        )
    return changed


def _living(member_ids: Collection[int]) -> set[int]:
    found = Member.objects.survivors().filter(pk__in=member_ids)
    return set(found.values_list("pk", flat=True))


def _choose(member_ids: list[int], guides: list[int]) -> dict[int, int]:
    rows = ServingPeriod.objects.current().filter(guide_id__in=guides).order_by()
    load = Counter(dict(rows.values_list("guide_id").annotate(n=Count("pk"))))
    friends: dict[int, set[int]] = {}
    follows = FollowRelation.objects.current().filter(
        guide_id__in=guides, member__survivor_id__in=member_ids
    )
    for member_id, guide_id in follows.values_list("member__survivor_id", "guide_id"):
        friends.setdefault(member_id, set()).add(guide_id)
    chosen = {}
    for member_id in sorted(member_ids, key=lambda one: (one not in friends, one)):
        choices = friends.get(member_id) or guides
        chosen[member_id] = min(choices, key=lambda one: (load[one], one))
        load[chosen[member_id]] += 1
    return chosen
