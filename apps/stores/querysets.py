"""Who may see which stores, guides and postings."""

from datetime import date, datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, Func, OuterRef, Q

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability


def in_places(actor: Actor, way: str = "") -> Q:
    """Of the stores the actor leads or was granted, or of their regions; `way` leads to the row
    that has a `store`. Who has no region asks for none: the store is not even looked up."""
    stores = Q((f"{way}store_id__in", actor.store_ids))
    if not actor.region_ids:
        return stores
    return stores | Q((f"{way}store__region_id__in", actor.region_ids))


class StoreQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(Q(pk__in=actor.store_ids) | Q(region_id__in=actor.region_ids))

    def open_on(self, day: date) -> Self:
        """Stores trading on that day (chain time)."""
        return self.filter(opened_on__lte=day).filter(Q(closed_on=None) | Q(closed_on__gt=day))

    def of_corp(self, corp_id: str, *, only: bool) -> Self:
        """Stores that are departments of this corp; of the `only` one also those that name none."""
        named = self.filter(corp_id__in=[corp_id, ""] if only else [corp_id])
        return named.exclude(wecom_department_id=None)

    def not_live(self) -> Self:
        """Stores that head office has not switched on: nothing happens there."""
        return self.filter(live_since=None)


class _IsTrue(Func):
    template = "(%(expressions)s) IS TRUE"
    output_field: ClassVar = models.BooleanField()


class PostingQuerySet(models.QuerySet):
    def on(self, day: date) -> Self:
        return self.filter(during__contains=day)

    def by_store_on(self, day: date) -> Self:
        """The same for whoever names stores. PostgreSQL takes a day for rare and would look through
        everybody's days before those of the stores; written like this no index offers it."""
        return self.filter(_IsTrue(Q(during__contains=day)))

    def live(self) -> Self:
        return self.filter(store__live_since__isnull=False)

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(in_places(actor) | Q(guide_id=actor.guide_id))


class GuideQuerySet(models.QuerySet):
    def active(self) -> Self:
        return self.filter(status="active")

    def posted_in(self, *, day: date, **place: object) -> Self:
        """Guides with a posting on that day in the place, e.g. `store_id__in=…`."""
        posting: Any = self.model._meta.get_field("postings").related_model
        return self.filter(Exists(posting.objects.on(day).filter(guide_id=OuterRef("pk"), **place)))

    def visible_to(self, actor: Actor) -> Self:
        """Head office sees all; a manager the people posted in their stores; a guide only
        themselves."""
        if actor.sees_all:
            return self
        posting: Any = self.model._meta.get_field("postings").related_model
        mine = posting.objects.on(actor.on).filter(guide_id=OuterRef("pk"))
        return self.filter(
            Exists(mine.filter(store_id__in=actor.store_ids))
            | Exists(mine.filter(store__region_id__in=actor.region_ids))
            | Q(pk=actor.guide_id)
        )


class DayOffQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Of the people posted in the actor's stores today, and one's own."""
        if actor.sees_all:
            return self
        guide: Any = self.model._meta.get_field("guide").related_model
        return self.filter(guide__in=guide.objects.visible_to(actor).values("pk"))


class CoverQuerySet(models.QuerySet):
    def on(self, day: date) -> Self:
        return self.filter(during__contains=day)

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        mine = Q(absent_id=actor.guide_id) | Q(covering_id=actor.guide_id)
        return self.filter(in_places(actor) | mine)


class StoreDayQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(in_places(actor))


class StoreVisitQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(in_places(actor))


class VisitItemQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(in_places(actor))

    def open(self) -> Self:
        return self.filter(closed_at=None)


class AskedQuerySet(models.QuerySet):
    """What somebody of a store asks and somebody above decides (`models.Asked`)."""

    # whose own matter it is: they decide nothing about it
    parties: tuple[str, ...] = ("guide_id",)

    def visible_to(self, actor: Actor) -> Self:
        """Own wishes, and those of the places the actor leads."""
        if actor.sees_all:
            return self
        places = in_places(actor)
        return self.filter(places | Q(guide_id=actor.guide_id or 0))

    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def end_waiting(self, state: str, *, by: str, at: datetime) -> int:
        """What waits of these ends without anybody's word: whom it is about asked to be deleted.
        Returns how many did."""
        return self.waiting().update(state=state, decided_by=by, decided_at=at)

    def waiting_for(self, actor: Actor) -> Self:
        """What waits for the actor's word: a manager's own store, a region's stores and what goes
        beyond their managers, head office everything. Nobody decides about their own."""
        if not actor.can(Capability.EDIT_MEMBERS if actor.sees_all else Capability.MANAGE_TEAM):
            return self.none()
        waiting = self.waiting()
        if actor.sees_all:
            return waiting
        theirs = Q(level="store", store_id__in=actor.store_ids)
        region = Q(level__in=["store", "region"], store__region_id__in=actor.region_ids)
        own = Q(*((name, actor.guide_id or 0) for name in self.parties), _connector=Q.OR)
        return waiting.filter(theirs | region).exclude(own)
