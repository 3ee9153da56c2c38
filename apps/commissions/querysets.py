"""Which commission an actor may see: guides their own, head office all, nobody a colleague's."""

from typing import Self

from django.db import models

from apps.accounts.actor import Actor
from apps.stores.querysets import in_places


class OwnQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Head office all; who works in a store their own, whatever they lead."""
        if actor.sees_all:
            return self
        return self.none() if actor.guide_id is None else self.filter(guide_id=actor.guide_id)


class CommissionQuestionQuerySet(OwnQuerySet):
    def waiting(self) -> Self:
        return self.filter(answered_at=None)


class CommissionTotalQuerySet(models.QuerySet):
    def of_stores(self, actor: Actor) -> Self:
        """For sums of stores: those the actor leads. Never shown by guide outside head office."""
        if actor.sees_all:
            return self
        led = in_places(actor)
        return self.filter(led)
