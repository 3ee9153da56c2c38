"""Filters of coupons and of those given."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.expressions import Combinable

from apps.accounts.actor import Actor
from apps.members.models import Member


class CouponQuerySet(models.QuerySet):
    def running(self, *, on: date) -> Self:
        """Those that head office has not stopped and whose last day is not over."""
        return self.filter(is_active=True).exclude(ends_on__lt=on)

    def counting_in(self, store_id: int | None) -> Self:
        """Those that count everywhere, or in this store."""
        everywhere = Q(stores=None)
        return self.filter(everywhere if store_id is None else everywhere | Q(stores=store_id))


class CouponIssueQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Those of the members whom the actor may see."""
        if actor.sees_all:
            return self
        return self.filter(member__in=Member.objects.visible_to(actor))

    def of_members(self, member_ids: Sequence[int]) -> Self:
        return self.filter(member_id__in=member_ids)

    def given(self) -> Self:
        """All but those taken back before anybody knew of them."""
        return self.filter(withdrawn_at=None)

    def unused(self) -> Self:
        return self.filter(used_at=None)

    def usable(self, *, at: datetime) -> Self:
        """Neither used nor past their time; some may begin later."""
        return self.unused().given().filter(expires_at__gt=at)

    def unseen(self, *, at: datetime) -> Self:
        """Usable ones that the member has not looked at."""
        return self.usable(at=at).filter(opened_at=None)


class PointsEntryQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Those of the members whom the actor may see."""
        if actor.sees_all:
            return self
        return self.filter(member__in=Member.objects.visible_to(actor))

    def of_members(self, member_ids: Sequence[int]) -> Self:
        return self.filter(member_id__in=member_ids)


class PointsLotQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Those of the members whom the actor may see."""
        if actor.sees_all:
            return self
        return self.filter(member__in=Member.objects.visible_to(actor))

    def standing(self, *, on: date | Combinable) -> Self:
        """Those whose last day is not over, and what is owed."""
        return self.filter(Q(expires_on=None) | Q(expires_on__gte=on))
