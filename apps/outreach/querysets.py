"""Which sends and receivers an actor may see."""

from typing import Self

from django.db import models
from django.db.models import Q

from apps.accounts.actor import Actor
from apps.members.models import Member
from apps.stores.models import Guide


class DispatchQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(guide__in=Guide.objects.visible_to(actor))

    def unknown(self) -> Self:
        return self.filter(state="unknown")


class DispatchRecipientQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(Q(dispatch__guide__in=Guide.objects.visible_to(actor)))


class ContactBudgetQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(member__in=Member.objects.visible_to(actor))


class GuideNoticeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(guide__in=Guide.objects.visible_to(actor))
