"""Which looks an actor may see."""

from typing import Self

from django.db import models
from django.db.models import F, Q

from apps.accounts.actor import Actor
from apps.stores.models import Posting
from apps.stores.querysets import in_places


class LookQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """A guide one's own and the store's, where they work today; a region manager the
        region's."""
        if actor.sees_all:
            return self
        where = in_places(actor)
        if actor.guide_id is not None:
            here = Posting.objects.on(actor.on).filter(guide_id=actor.guide_id)
            where |= Q(guide_id=actor.guide_id) | Q(store_id__in=here.values("store_id"))
        return self.filter(where)

    def told_apart(self, actor: Actor) -> Self:
        """Without what colleagues took over inside the store: the same look stands there already
        as who made it has it. One's own copies stay."""
        again = Q(copied_from__store_id=F("store_id")) & ~Q(guide_id=actor.guide_id)
        return self.exclude(again)
