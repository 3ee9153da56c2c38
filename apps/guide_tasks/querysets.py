"""Which pushes, tasks and targets an actor may see, and the filters every list uses."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Self

from django.apps import apps
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q

from apps.accounts.actor import Actor
from apps.stores.querysets import in_places

_OPEN = ("open", "in_progress", "to_verify")


def _led(actor: Actor) -> Q:
    return in_places(actor)


def _in_scope(actor: Actor) -> Q:
    scope = _led(actor)
    return scope | Q(guide_id=actor.guide_id) if actor.guide_id is not None else scope


def _shared_with(guide_id: int | None, day: date) -> Exists:
    """The guide works in the item's store on that day."""
    postings: Any = apps.get_model("stores.Posting").objects
    return Exists(postings.on(day).filter(guide_id=guide_id, store_id=OuterRef("store_id")))


class TaskPushQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        tasks = self.model._meta.apps.get_model("guide_tasks.GuideTask").objects
        items = self.model._meta.apps.get_model("guide_tasks.TaskItem").objects
        return self.filter(
            Exists(tasks.filter(_in_scope(actor), push_id=OuterRef("pk")))
            | Exists(items.filter(_in_scope(actor), push_id=OuterRef("pk")))
        )


class GuideTaskQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(_in_scope(actor))

    def managed_by(self, actor: Actor) -> Self:
        """Tasks in the stores the actor leads, without what is the actor's own elsewhere."""
        return self if actor.sees_all else self.filter(_led(actor))

    def of_guide(self, guide_id: int) -> Self:
        return self.filter(guide_id=guide_id)


class TaskTargetQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(_in_scope(actor))

    def managed_by(self, actor: Actor) -> Self:
        """Work in the stores the actor leads."""
        return self if actor.sees_all else self.filter(_led(actor))

    def of_guide(self, guide_id: int) -> Self:
        return self.filter(guide_id=guide_id)

    def open(self) -> Self:
        return self.filter(state__in=_OPEN)

    def opened_by(self, now: datetime) -> Self:
        """Work whose day has come: planned care of next week stays off today's list."""
        return self.filter(opens_at__lte=now)

    def overdue(self, now: datetime) -> Self:
        return self.open().filter(due_at__lt=now)

    def asked_of_guides(self) -> Self:
        """Without what head office took back: that weighs on nobody's figures."""
        return self.exclude(excuse_reason="withdrawn")


class TaskItemQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Who works in a store sees what anybody there may do."""
        if actor.sees_all:
            return self
        return self.filter(_in_scope(actor) | Q(_shared_with(actor.guide_id, actor.on), guide=None))

    def for_guide(self, guide_id: int, day: date) -> Self:
        """The guide's own items and what anybody of the store may do."""
        return self.filter(Q(guide_id=guide_id) | Q(_shared_with(guide_id, day), guide=None))

    def managed_by(self, actor: Actor) -> Self:
        """Items of the stores the actor leads, whoever does them."""
        return self if actor.sees_all else self.filter(_led(actor))

    def open(self) -> Self:
        return self.filter(state__in=_OPEN)

    def asked_of_guides(self) -> Self:
        """Without what was taken back: that weighs on nobody's figures."""
        return self.exclude(excuse_reason="withdrawn")

    def opened_by(self, now: datetime) -> Self:
        return self.filter(opens_at__lte=now)


class NotIssuedQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Members without a guide or store belong to nobody's scope: head office alone reads this
        list."""
        return self if actor.sees_all else self.none()


class EvidenceQuerySet(models.QuerySet):
    def add(
        self,
        *,
        target_id: int,
        source: str,
        actor: str,
        occurred_at: datetime,
        grade: int | None = None,
        outcome: str = "",
    ) -> bool:
        """Keep one proof; False when this source is known for the target."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO guide_tasks_evidence"
                " (target_id, grade, outcome, source, actor, occurred_at)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (target_id, source) DO NOTHING",
                [target_id, grade, outcome, source, actor, occurred_at],
            )
            return cursor.rowcount == 1

    def add_outcome(
        self,
        *,
        target_ids: Sequence[int],
        outcome: str,
        source: str,
        actor: str,
        occurred_at: datetime,
    ) -> list[int]:
        """The same outcome for each of these targets; the targets to which it was new."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO guide_tasks_evidence"
                " (target_id, grade, outcome, source, actor, occurred_at)"
                " SELECT unnest(%s::bigint[]), NULL, %s, %s, %s, %s"
                " ON CONFLICT (target_id, source) DO NOTHING RETURNING target_id",
                [list(target_ids), outcome, source, actor, occurred_at],
            )
            return [row[0] for row in cursor.fetchall()]

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        targets = self.model._meta.apps.get_model("guide_tasks.TaskTarget").objects
        return self.filter(target__in=targets.visible_to(actor))


class RegionTimingQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(region_id__in=actor.region_ids)


class PushSeriesQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """A region manager sees a series of which some push has reached into the region."""
        if actor.sees_all:
            return self
        registry = self.model._meta.apps
        days = registry.get_model("guide_tasks.SeriesOccurrence").objects
        pushes = registry.get_model("guide_tasks.TaskPush").objects.visible_to(actor)
        return self.filter(Exists(days.filter(series=OuterRef("pk"), push__in=pushes)))

    def begun(self) -> Self:
        """Without what stands in a draft of the wizard alone."""
        return self.exclude(status="prepared")

    def due(self, now: datetime) -> Self:
        return self.filter(status="running", next_at__lte=now)


class SeriesOccurrenceQuerySet(models.QuerySet):
    def handed_out(self) -> Self:
        return self.filter(push__isnull=False)

    def unread(self) -> Self:
        return self.filter(noted_at=None).exclude(skipped="")
