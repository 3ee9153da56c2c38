"""Reads of the story that any page may chain."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.db import models

from apps.accounts.actor import Actor
from apps.members.models import Member


class MemberEventQuerySet(models.QuerySet):
    def of(self, *, member_ids: Iterable[int], since: datetime) -> Self:
        """Events of one person (all member ids of a survivor), newest first, with the time floor
        that keeps the read inside few partitions."""
        return self.filter(member_id__in=list(member_ids), occurred_at__gte=since).order_by(
            "-occurred_at", "-id"
        )

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(member_id__in=Member.objects.visible_to(actor).values("pk"))
