"""Which orders an actor may see, and the reconciling filter every figure uses."""

from typing import Self

from django.db import models
from django.db.models import Q

from apps.accounts.actor import Actor
from apps.members.models import Member
from apps.stores.models import Store
from apps.stores.querysets import in_places


class OrderQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """HQ all; a manager the orders of their stores; a guide those of the members they may
        see."""
        if actor.sees_all:
            return self
        place = in_places(actor)
        if actor.guide_id is None:
            return self.filter(place)
        return self.filter(place | Q(member__in=Member.objects.visible_to(actor)))

    def counted(self) -> Self:
        """Orders that count in figures: staff, group-buy and stored-value orders are left out."""
        return self.filter(is_staff=False, is_group_buy=False, is_stored_value=False)


class OrderLineQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """As the orders they stand in; the columns are plain ids, so the scope is a subquery."""
        if actor.sees_all:
            return self
        place = Q(store_id__in=Store.objects.visible_to(actor).values("pk"))
        if actor.guide_id is None:
            return self.filter(place)
        return self.filter(place | Q(member_id__in=Member.objects.visible_to(actor).values("pk")))
