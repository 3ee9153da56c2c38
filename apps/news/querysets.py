"""Which pieces are shown now, and whom they are for."""

from datetime import date, datetime
from typing import Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.actor import Actor
from apps.stores.models import Posting
from apps.stores.querysets import in_places


class NewsQuerySet(models.QuerySet):
    def running(self, now: datetime) -> Self:
        """Shown now: begun, not over, not taken down."""
        begun = self.filter(is_active=True, shown_from__lte=now)
        return begun.filter(Q(shown_until=None) | Q(shown_until__gt=now))

    def asked_of(self, guide_id: Any, day: Any) -> Self:
        """For somebody who works in that place and role on that day. `selectors.ASKED` says the
        same of many."""
        here = Posting.objects.filter(guide_id=guide_id, during__contains=day).live()
        mine = Q(for_role="") | Exists(here.filter(role=OuterRef("for_role")))
        return self.filter(mine, Exists(here), self._reaching(here))

    def visible_to(self, actor: Actor) -> Self:
        """Head office all; others what is for the places they lead or work in. What is for guides
        alone a manager may read as well."""
        if actor.sees_all:
            return self
        here = Posting.objects.on(actor.on).filter(in_places(actor) | Q(guide_id=actor.guide_id))
        found = self.filter(self._reaching(here))
        if actor.guide_id is None or actor.store_ids:
            return found
        own = here.filter(guide_id=actor.guide_id, role=OuterRef("for_role"))
        return found.filter(Q(for_role="") | Exists(own))

    def must_read_by(self, guide_id: Any, *, day: date | Any, now: datetime | Any) -> Self:
        """Must-read pieces that this guide has not said 我已读 of."""
        seen: Any = self.model._meta.get_field("reads").related_model
        said = seen.objects.filter(
            news_id=OuterRef("pk"),
            guide_id=guide_id,
            version=OuterRef("version"),
            confirmed_at__isnull=False,
        )
        return self.running(now).filter(~Exists(said), must_read=True).asked_of(guide_id, day)

    def _reaching(self, here: QuerySet[Posting]) -> Q:
        """Without places a piece is for the whole chain."""
        news: Any = self.model
        in_regions = news.regions.through.objects.filter(news_id=OuterRef("pk"))
        in_stores = news.stores.through.objects.filter(news_id=OuterRef("pk"))
        everywhere = ~Exists(in_regions) & ~Exists(in_stores)
        return (
            Q(everywhere)
            | Q(Exists(in_regions.filter(region_id__in=here.values("store__region_id"))))
            | Q(Exists(in_stores.filter(store_id__in=here.values("store_id"))))
        )
