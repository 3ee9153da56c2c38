"""Which profiles an actor may see."""

from typing import Self

from django.db import models

from apps.accounts.actor import Actor
from apps.members.models import Member


class MemberProfileQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(member_id__in=Member.objects.visible_to(actor).values("survivor_id"))
