"""Which sends and receivers an actor may see."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q

from apps.accounts.actor import Actor
from apps.core.outbox import OutboxQuerySet
from apps.members.models import Member
from apps.stores.models import Guide
from apps.stores.querysets import in_places


class DispatchQuerySet(OutboxQuerySet):
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


class LinkClickQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Taps of customers in the actor's scope; a tap without a name is for nobody below."""
        if actor.sees_all:
            return self
        theirs = Member.objects.visible_to(actor)
        return self.filter(Q(member__in=theirs) | Q(recipient__member__in=theirs))


class OwnSendQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(guide__in=Guide.objects.visible_to(actor))


class GuideNoticeQuerySet(OutboxQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(guide__in=Guide.objects.visible_to(actor))


class WelcomeQuerySet(OutboxQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(guide__in=Guide.objects.visible_to(actor))


class SmsMessageQuerySet(OutboxQuerySet):
    """Rows without a number one could read: head office alone looks after the channel."""

    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.none()


class MessageTemplateQuerySet(models.QuerySet):
    def of_chain(self) -> Self:
        """Scripts that are not one store's own."""
        return self.filter(store=None)

    def usable_in(self, store_id: int | None) -> Self:
        """What a guide of this store may use: the chain's scripts and the store's own."""
        return self.filter(Q(store=None) | Q(store_id=store_id), is_active=True)


class MediaUploadQuerySet(models.QuerySet):
    # what ends within this time counts as ended: the call that names it may wait for its turn
    MARGIN = timedelta(minutes=10)

    def alive(self, at: datetime) -> Self:
        """What WeCom still has then."""
        return self.filter(expires_at__gt=at + self.MARGIN)

    def of(self, *, for_moments: bool = False) -> Self:
        """Those for messages; or those for moments, which no message takes."""
        return self.filter(for_moments=for_moments)


class ScriptProposalQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """A guide their own; a manager those of the store; head office all."""
        if actor.sees_all:
            return self
        return self.filter(guide__in=Guide.objects.visible_to(actor))

    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def for_chain(self) -> Self:
        """What a store has taken and head office has not decided about."""
        return self.filter(state="taken", chain="")


class ScriptVariantQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """A manager those of the store, a region manager of the region, head office all."""
        if actor.sees_all:
            return self
        return self.filter(in_places(actor))

    def of_store(self, store_id: int | None) -> Self:
        """What this store says in place of head office's words as they stand now."""
        return self.up_to_date().filter(store_id=store_id)

    def up_to_date(self) -> Self:
        """In use, and made from head office's words as they stand now."""
        return self.in_use().filter(
            base_body=F("script__body"),
            base_generic_body=F("script__generic_body"),
        )

    def at(self, script_id: int, store_id: int) -> Self:
        return self.filter(script_id=script_id, store_id=store_id)

    def in_use(self) -> Self:
        """Not withdrawn, and of a script that stores may still change."""
        return self.filter(
            withdrawn_at=None,
            script__stores_may_edit=True,
            script__is_active=True,
            script__store=None,
        )


class MomentPostQuerySet(OutboxQuerySet):
    """A post has many senders of many stores: head office alone looks after it."""

    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.none()

    def unknown(self) -> Self:
        return self.filter(state="unknown")
