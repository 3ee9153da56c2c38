"""Which requests for pieces an actor may see, and whose side they are on."""

from collections.abc import Collection
from typing import Any, Self

from django.db import models
from django.db.models import Q

from apps.accounts.actor import Actor
from apps.stores.models import Posting


def _stores_of(actor: Actor, name: str) -> Q:
    """Whoever works in the store today, and whoever leads it: the piece stands on its shelf."""
    here: Any = Posting.objects.on(actor.on).filter(guide_id=actor.guide_id or 0)
    return Q(**{f"{name}__in": here.values("store_id")}) | Q(**{f"{name}__in": actor.store_ids})


class StockRequestQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Both stores' people; a region manager what the region's stores ask or give."""
        if actor.sees_all:
            return self
        regions = Q(giving_store__region_id__in=actor.region_ids) | Q(
            asking_store__region_id__in=actor.region_ids
        )
        return self.filter(self._asked(actor) | _stores_of(actor, "giving_store_id") | regions)

    @staticmethod
    def _asked(actor: Actor) -> Q:
        return Q(asking_guide_id=actor.guide_id or 0) | _stores_of(actor, "asking_store_id")

    def given_by(self, actor: Actor) -> Self:
        """Those whose piece stands in the actor's store."""
        return self.filter(_stores_of(actor, "giving_store_id"))

    def asked_by(self, actor: Actor) -> Self:
        """Those that the actor, or the actor's store, asked for."""
        return self.filter(self._asked(actor))

    def led_by(self, actor: Actor) -> Self:
        """Those whose piece stands in the region that the actor leads."""
        if actor.sees_all:
            return self
        return self.filter(giving_store__region_id__in=actor.region_ids)

    def waiting_for_region(self) -> Self:
        """What may not go to a store of another owner before the region has agreed."""
        unsent = self.filter(state__in=("asked", "agreed", "held"))
        return unsent.filter(needs_region=True, cleared_at=None)

    def to_take_back(self, actor: Actor) -> Self:
        """Those that the actor asked for, or that the store asked for which the actor leads."""
        own = Q(asking_guide_id=actor.guide_id or 0)
        return self.filter(own | Q(asking_store_id__in=actor.store_ids))

    def open(self) -> Self:
        return self.filter(state__in=("asked", "agreed", "held", "sent", "arrived"))

    def waiting_for_answer(self) -> Self:
        return self.open().filter(state__in=("asked", "agreed"))

    def of_members(self, member_ids: Collection[int]) -> Self:
        return self.filter(member_id__in=member_ids)
