"""Which appointments an actor may see."""

from collections.abc import Collection
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from apps.accounts.actor import Actor


class AppointmentQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """A guide one's own, a manager the store's, a region manager the region's."""
        if actor.sees_all:
            return self
        return self.filter(
            Q(store_id__in=actor.store_ids)
            | Q(store__region_id__in=actor.region_ids)
            | Q(guide_id=actor.guide_id or 0)
        )

    def booked(self) -> Self:
        return self.filter(state="booked")

    def of_members(self, member_ids: Collection[int]) -> Self:
        return self.filter(member_id__in=member_ids)

    def before(self, moment: datetime) -> Self:
        return self.filter(starts_at__lt=moment)
