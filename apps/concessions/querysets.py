"""Which concessions an actor may see, and which wait for the actor's word."""

from collections.abc import Collection
from typing import Self

from django.db import models
from django.db.models import Q

from apps.accounts.actor import Actor


class ConcessionQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """A manager the store's, a region manager the region's; a guide what they asked for."""
        if actor.sees_all:
            return self
        places = Q(store_id__in=actor.store_ids) | Q(store__region_id__in=actor.region_ids)
        return self.filter(places | Q(guide_id=actor.guide_id or 0))

    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def waiting_for(self, actor: Actor) -> Self:
        """A manager's own store up to the limit, the region what is beyond it too, head office
        everything. Nobody decides about what they asked for."""
        waiting = self.waiting()
        if actor.sees_all:
            return waiting
        theirs = Q(level="store", store_id__in=actor.store_ids)
        region = Q(level__in=["store", "region"], store__region_id__in=actor.region_ids)
        return waiting.filter(theirs | region).exclude(guide_id=actor.guide_id or 0)

    def of_members(self, member_ids: Collection[int]) -> Self:
        return self.filter(member_id__in=member_ids)
