"""Whose rows an actor may see: head office looks after requests, everybody else reads none."""

from typing import Self

from django.db import models

from apps.accounts.actor import Actor
from apps.core.outbox import OutboxQuerySet
from apps.members.models import Member


class OfPersonQuerySet(models.QuerySet):
    """Rows for the person's own pages: no guide and no manager ever reads them."""

    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.none()


class ContactCodeQuerySet(OutboxQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.none()


class DataRequestQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The requests of the members an actor sees; who may answer them is another question."""
        return self.filter(member__in=Member.objects.visible_to(actor))

    def open(self) -> Self:
        return self.filter(state="open")
