"""上线范围: which stores take part. Elsewhere nobody signs in, nothing is synced or handed out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.wake import wake
from apps.stores.models import Guide, Posting, Region, Store

# what happened in WeCom before a store was live is read once it is
SYNC_JOB = "wecom_sync.reconcile"


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A region, how many of its trading stores are live, and how many there are."""

    region: Region
    live: int
    stores: int


def region_rows(*, actor: Actor, now: datetime) -> list[RegionRow]:
    """Regions of the actor with their trading stores, in two queries."""
    stores = Store.objects.visible_to(actor).open_on(clock.business_day(now)).order_by()
    counted = {
        region: (live, all_of_them)
        for region, live, all_of_them in stores.values("region_id")
        .annotate(live=Count("pk", filter=Q(live_since__isnull=False)), n=Count("pk"))
        .values_list("region_id", "live", "n")
    }
    regions = Region.objects.filter(pk__in=counted)
    return [RegionRow(region, *counted[region.pk]) for region in regions]


def guides_by_store(*, store_ids: Sequence[int], now: datetime) -> dict[int, int]:
    """Guides posted in each of the stores today."""
    posted = Posting.objects.on(clock.business_day(now)).filter(
        store_id__in=store_ids, guide__status=Guide.Status.ACTIVE
    )
    return dict(posted.order_by().values_list("store_id").annotate(n=Count("pk")))


@transaction.atomic
def switch_stores(
    *, store_ids: Sequence[int], live: bool, actor: Actor, now: datetime
) -> list[int]:
    """Switch stores on, or off again: what is handed out stays, nobody works on it until then.

    Returns the stores that changed; the same again changes nothing.
    """
    stores = Store.objects.select_for_update().filter(pk__in=store_ids, live_since__isnull=live)
    changed = sorted(stores.values_list("pk", flat=True))
    if not changed:
        return []
    Store.objects.filter(pk__in=changed).update(live_since=now if live else None)
    for store_id in changed:
        accounts.audit(
            actor=actor,
            action="store.live" if live else "store.not_live",
            object_type="store",
            object_id=store_id,
        )
    if live:
        wake(SYNC_JOB)
    return changed
