"""Which customer groups an actor may see: a guide their own, a manager the store's, and so on."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from apps.accounts.actor import Actor
from apps.core.outbox import OutboxQuerySet
from apps.outreach.querysets import OwnSendQuerySet
from apps.stores.querysets import in_places

# in order, or handed on to a new owner; the others wait for one
OWNED = (0, 3)


def _in_scope(actor: Actor, prefix: str = "") -> Q:
    own = Q(**{f"{prefix}owner_id": actor.guide_id, f"{prefix}owner_id__isnull": False})
    return in_places(actor, prefix) | own


class CustomerGroupQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(_in_scope(actor))

    def living(self) -> Self:
        return self.filter(dismissed_at=None)

    def sendable(self) -> Self:
        """A mass send may reach them: living, with an owner who is still theirs."""
        return self.living().filter(owner__isnull=False, standing__in=OWNED)


class GroupMembershipQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(_in_scope(actor, "group__"))

    def customers(self) -> Self:
        return self.filter(is_customer=True)

    def joined_since(self, moment: datetime) -> Self:
        return self.filter(is_customer=True, joined_at__gte=moment)

    def left_since(self, moment: datetime) -> Self:
        return self.filter(is_customer=True, left_at__gte=moment)


class GroupCodeQuerySet(OutboxQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Head office's codes; who leads a place sees those that lead into its groups."""
        if actor.sees_all:
            return self
        through: Any = self.model._meta.get_field("groups").related_model
        mine = through.objects.visible_to(actor).values("pk")
        return self.filter(groups__in=mine).distinct()


class GroupWelcomeQuerySet(OutboxQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Names nobody: whoever may open the page sees them all."""
        return self


class GroupSendQuerySet(OutboxQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        guide: Any = self.model._meta.get_field("guide").related_model
        return self.filter(guide__in=guide.objects.visible_to(actor))

    def unknown(self) -> Self:
        return self.filter(state="unknown")


class OwnerSendQuerySet(OwnSendQuerySet):
    def into(self, group: Any) -> Self:
        """Those that this group has got."""
        found = self.filter(corp_id=group.corp_id, sent_chat_ids__contains=[group.chat_id])
        return found.exclude(sent_at=None)
