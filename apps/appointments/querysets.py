"""Which appointments an actor may see."""

from collections.abc import Collection
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import TruncDate

from apps.accounts.actor import Actor
from apps.core import clock
from apps.stores.models import Cover, DayOff, Guide, Posting, StoreDay
from apps.stores.querysets import in_places


class AppointmentQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """A guide one's own, a manager the store's, a region manager the region's."""
        if actor.sees_all:
            return self
        return self.filter(in_places(actor) | Q(guide_id=actor.guide_id or 0))

    def booked(self) -> Self:
        return self.filter(state="booked")

    def of_members(self, member_ids: Collection[int]) -> Self:
        return self.filter(member_id__in=member_ids)

    def with_hindrances(self) -> Self:
        """`is_shut`: the store is closed that day; `is_unattended`: the guide will not be there."""
        day = OuterRef("day")
        posted = Posting.objects.filter(
            guide_id=OuterRef("guide_id"),
            store_id=OuterRef("store_id"),
            during__contains=day,
            guide__status=Guide.Status.ACTIVE,
        )
        covered = Cover.objects.filter(absent_id=OuterRef("guide_id"), during__contains=day)
        off = DayOff.objects.filter(guide_id=OuterRef("guide_id"), day=day)
        shut = StoreDay.objects.filter(store_id=OuterRef("store_id"), day=day)
        return self.annotate(
            day=TruncDate("starts_at", tzinfo=clock.chain_tz()),
            is_shut=Exists(shut),
            is_unattended=~Exists(posted) | Exists(covered) | Exists(off),
        )

    def unattended(self) -> Self:
        return self.with_hindrances().filter(is_unattended=True)

    def before(self, moment: datetime) -> Self:
        return self.filter(starts_at__lt=moment)
