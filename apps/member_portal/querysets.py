"""Whose rows an actor may see: head office looks after requests, everybody else reads none."""

from typing import Self

from django.db import models

from apps.accounts.actor import Actor


class OfPersonQuerySet(models.QuerySet):
    """Rows for the person's own pages: no guide and no manager ever reads them."""

    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.none()


class DataRequestQuerySet(OfPersonQuerySet):
    def open(self) -> Self:
        return self.filter(state="open")
