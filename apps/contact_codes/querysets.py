"""Which codes, and what came by them, an actor may see."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from apps.accounts.actor import Actor
from apps.members.models import Member
from apps.stores.querysets import in_places


class ChannelCodeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Head office all; a manager those of the store, a region manager of the region, a guide
        their own."""
        if actor.sees_all:
            return self
        mine = in_places(actor)
        return self.filter(mine | Q(guide_id=actor.guide_id, guide__isnull=False))

    def running(self) -> Self:
        """Not stopped: customers may come by it."""
        return self.filter(stopped_at=None)

    def in_wecom(self) -> Self:
        """What WeCom is to have a contact way for: all but signposts."""
        return self.exclude(kind="nearest")

    def due(self, now: datetime) -> Self:
        return self.filter(due_at__lte=now).order_by("due_at", "pk")


class CodeAddQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        members: Any = Member.objects.visible_to(actor)
        return self.filter(member__in=members)
