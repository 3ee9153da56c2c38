"""Which handovers an actor may see, and the filters their lists use."""

from datetime import date, datetime
from typing import Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.accounts.actor import Actor
from apps.stores.models import Posting, Store
from apps.stores.querysets import AskedQuerySet, in_places

OPEN = ("planned", "queued", "unknown", "waiting")
UNFINISHED = ("draft", "to_approve", "running")


def _led_by(actor: Actor, *, run: str = "") -> Q:
    """Runs of the stores an actor leads; `run` is the way to them."""
    return Q(
        (f"{run}store_id__in", actor.store_ids),
        (f"{run}store__region_id__in", actor.region_ids),
        (f"{run}to_store__region_id__in", actor.region_ids),
        _connector=Q.OR,
    )


class HandoverRunQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Head office all; who leads a place the runs of its stores, given or receiving."""
        if actor.sees_all:
            return self
        return self.filter(_led_by(actor))

    def unfinished(self) -> Self:
        return self.filter(state__in=UNFINISHED)

    def waiting_for(self, actor: Actor) -> Self:
        """What only somebody above both stores may allow: the region of the giving one."""
        waiting = self.filter(state="to_approve")
        return waiting if actor.sees_all else waiting.filter(store__region_id__in=actor.region_ids)


class AttemptQuerySet(models.QuerySet):
    """Attempts of a run, of customers or of groups."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(_led_by(actor, run="run__"))

    def current(self) -> Self:
        """The latest attempt of each."""
        return self.filter(is_current=True)

    def open(self) -> Self:
        return self.filter(state__in=OPEN)


class HandoverItemQuerySet(AttemptQuerySet):
    def begun_since(self, moment: datetime) -> Self:
        """Attempts that WeCom took on since: these count for its limit, whatever became of them."""
        taken = ("waiting", "done", "refused", "full")
        return self.filter(state__in=taken, called_at__gte=moment)


class HandoverCallQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Calls hold no more than ids: only head office looks at them."""
        return self if actor.sees_all else self.none()


class HandoverGroupQuerySet(AttemptQuerySet):
    def called_since(self, moment: datetime) -> Self:
        """What WeCom may have counted since: everything it was called for and did not refuse."""
        return self.filter(called_at__gte=moment).exclude(state="cannot")


class UnassignedLeaverQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Head office all; who leads a place those who worked there once."""
        if actor.sees_all:
            return self
        stores = Store.objects.visible_to(actor).values("pk")
        worked = Posting.objects.filter(guide_id=OuterRef("guide_id"), store__in=stores)
        return self.filter(Exists(worked))

    def differing(self) -> Self:
        """WeCom and we do not say the same about a leaver of ours: somebody has to look."""
        return self.exclude(guide=None).filter(Q(done_here__gt=0) | Q(unknown_here__gt=0))


class OwnershipClaimQuerySet(AskedQuerySet):
    parties = ("guide_id", "holder_id")


class ReassignmentQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Who received them; who leads the place."""
        if actor.sees_all:
            return self
        return self.filter(self._led(actor) | Q(guide_id=actor.guide_id or 0))

    @staticmethod
    def _led(actor: Actor) -> Q:
        return in_places(actor)

    def of_others(self, actor: Actor) -> Self:
        """What the guides an actor leads received, who still work; never their own."""
        found = self.filter(guide__status="active").exclude(guide_id=actor.guide_id or 0)
        return found if actor.sees_all else found.filter(self._led(actor))

    def waiting(self, day: Any) -> Self:
        """To be accepted; a cover only until its last day."""
        return self.filter(Q(until_on=None) | Q(until_on__gte=day), state="waiting")

    def waits_for(self, guide: Any, day: Any) -> Self:
        return self.waiting(day).filter(guide_id=guide)

    def questioned(self) -> Self:
        """Whose guide said what is wrong, and waits for a word."""
        return self.filter(state="questioned")

    def unanswered_since(self, moment: datetime, day: date) -> Self:
        return self.waiting(day).filter(given_at__lt=moment)
