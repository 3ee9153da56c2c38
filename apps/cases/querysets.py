"""Which cases an actor may see."""

from collections.abc import Collection
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from apps.accounts.actor import Actor
from apps.stores.querysets import in_places

UNDECIDED = ("open", "in_hand", "reopened")


def _own(actor: Actor, case: str = "") -> Q:
    """Of the customers a guide serves, and those they wrote down."""
    if actor.guide_id is None:
        return Q(pk__in=())
    served = Q(**{f"{case}guide_id": actor.guide_id})
    return served | Q(**{f"{case}opened_by": actor.label})


class ServiceCaseQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """A manager the store's, a region manager the region's; a guide their own."""
        if actor.sees_all:
            return self
        return self.filter(in_places(actor) | _own(actor))

    def undecided(self) -> Self:
        return self.filter(state__in=UNDECIDED)

    def late(self, now: datetime) -> Self:
        """Not closed by the time it was to be."""
        return self.undecided().filter(due_at__lte=now)

    def led_by(self, actor: Actor) -> Self:
        """Of the places the actor leads."""
        return self if actor.sees_all else self.filter(in_places(actor))

    def of_members(self, member_ids: Collection[int]) -> Self:
        return self.filter(member_id__in=member_ids)


class OfCaseQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """With their case."""
        if actor.sees_all:
            return self
        return self.filter(in_places(actor, "case__") | _own(actor, "case__"))
