"""Which draws of a campaign an actor may see."""

from typing import Self

from django.db import models

from apps.accounts.actor import Actor
from apps.members.models import Member


class CampaignAssignmentQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(member__in=Member.objects.visible_to(actor))
