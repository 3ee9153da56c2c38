"""上线范围: what begins in a store when it is switched on, and the card that tells its guides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock, hours
from apps.guide_tasks.models import TaskTarget
from apps.members.models import ServingPeriod
from apps.outreach import services as outreach
from apps.stores import rollout
from apps.stores.models import Guide, Posting, Region, Store


@dataclass(frozen=True, slots=True)
class StoreRow:
    """A store, its people, the members they serve, and the tasks that wait there."""

    store: Store
    guides: int
    members: int
    open: int

    @property
    def is_live(self) -> bool:
        return self.store.live_since is not None


def store_rows(*, region: Region, actor: Actor, now: datetime) -> list[StoreRow]:
    """The trading stores of a region: four queries, however many there are."""
    day = clock.business_day(now)
    stores = list(Store.objects.visible_to(actor).open_on(day).filter(region=region))
    ids = [store.pk for store in stores]
    guides = rollout.guides_by_store(store_ids=ids, now=now)
    served = ServingPeriod.objects.current().filter(store_id__in=ids).order_by()
    members = dict(served.values_list("store_id").annotate(n=Count("pk")))
    people = Posting.objects.on(day).filter(store_id__in=ids).values("guide_id")
    work = TaskTarget.objects.open().filter(guide_id__in=people, store_id__in=ids).order_by()
    waiting = dict(work.values_list("store_id").annotate(n=Count("pk")))
    return [
        StoreRow(
            store=store,
            guides=guides.get(store.pk, 0),
            members=members.get(store.pk, 0),
            open=waiting.get(store.pk, 0),
        )
        for store in stores
    ]


@transaction.atomic
def switch(*, store_ids: Sequence[int], live: bool, actor: Actor, now: datetime) -> int:
    """Switch stores on or off; the guides of those that are new hear of it. Returns how many."""
    changed = rollout.switch_stores(store_ids=store_ids, live=live, actor=actor, now=now)
    if changed and live:
        _tell_guides(changed, now)
    return len(changed)


def _tell_guides(store_ids: list[int], now: datetime) -> None:
    posted = Posting.objects.on(clock.business_day(now)).filter(
        store_id__in=store_ids, guide__status=Guide.Status.ACTIVE
    )
    title, body = _("Your store has begun"), _("Tap to see what is there for you today.")
    outreach.queue_guide_notices(
        source=f"store_live:{now.isoformat(timespec='seconds')}",
        rows=[(one, title, body, "/g/") for one in posted.values_list("guide_id", flat=True)],
        not_before=hours.for_cards(now),
        now=now,
    )
