"""Whose days in WeCom somebody may read, and which of them do not fit what was declared."""

from datetime import date
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.accounts.actor import Actor
from apps.members.models import Member
from apps.stores.querysets import in_places


class GuideDayQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Of the stores somebody leads; a guide reads their own days."""
        if actor.sees_all:
            return self
        scope = in_places(actor)
        return self.filter(scope | Q(guide_id=actor.guide_id or 0))

    def counted(self) -> Self:
        return self.filter(counted_at__isnull=False)

    def mismatched(self) -> Self:
        """差异清单: more contacts declared than WeCom counted chats, by a number worth asking."""
        return self.counted().filter(declared__gte=F("chats") + settings.MISMATCH_FROM)

    def waiting(self, *, since: date) -> Self:
        """Mismatches of late that nobody has looked at yet."""
        return self.mismatched().filter(looked_at=None, day__gte=since)


class TagWordQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """About members somebody may see."""
        if actor.sees_all:
            return self
        return self.filter(member_id__in=Member.objects.visible_to(actor).values("survivor_id"))


class StoreMoveQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Head office alone moves people between stores."""
        return self if actor.sees_all else self.none()

    def open(self) -> Self:
        return self.filter(state="open")

    def standing(self) -> Self:
        """What is said about WeCom's picture of now."""
        return self.filter(state__in=["open", "kept"])
