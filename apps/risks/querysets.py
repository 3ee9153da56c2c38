"""Which cases an actor may see."""

from typing import Self

from django.db import models

from apps.accounts.actor import Actor

OPEN = ("open", "looking")


class RiskCaseQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Head office and auditors: a case is never shown to the store it is about."""
        return self if actor.sees_all else self.none()

    def undecided(self) -> Self:
        return self.filter(state__in=OPEN)
