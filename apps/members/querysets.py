"""Which members, identities and relations an actor may see, and the set filters built on them."""

from datetime import datetime
from typing import Self

from django.apps import apps
from django.db import models
from django.db.models import F, Q

from apps.accounts.actor import Actor
from apps.core import clock


def _ids_served_by(actor: Actor) -> models.QuerySet:
    """Ids of members served or followed inside the actor's scope.

    A set of ids, not a question put to each member: a guide's few hundred are found by the indexes
    of the relations, whatever the chain's size.
    """
    current = apps.get_model("members.ServingPeriod").objects.current()
    scope = Q(store_id__in=actor.store_ids) | Q(store__region_id__in=actor.region_ids)
    if actor.guide_id is None:
        return current.filter(scope).values("member_id")
    follow = apps.get_model("members.FollowRelation").objects.current()
    return (
        current.filter(scope | Q(guide_id=actor.guide_id))
        .values("member_id")
        .union(follow.filter(guide_id=actor.guide_id).values("member_id"))
    )


def _ids_seen_by(actor: Actor) -> models.QuerySet:
    """The same, and whoever somebody let the actor look at for a while (申请查看)."""
    served = _ids_served_by(actor)
    if actor.guide_id is None:
        return served
    granted = apps.get_model("members.AccessRequest").objects.granted_at(clock.now())
    return served.union(granted.filter(guide_id=actor.guide_id).values("member_id"))


def _members_seen_by(actor: Actor, ref: str) -> Q:
    """Condition "the member in column `ref` is one whom the actor may see"."""
    return Q(**{f"{ref}__in": _ids_seen_by(actor)})


class MemberQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """HQ sees all; a manager the members served in their stores; a guide those they serve or
        follow, and those whose card was opened to them for a while."""
        if actor.sees_all:
            return self
        return self.filter(_members_seen_by(actor, "pk"))

    def served_by(self, actor: Actor) -> Self:
        """Those the actor works for: lists and writes ask this, a granted look is no customer."""
        if actor.sees_all:
            return self
        return self.filter(pk__in=_ids_served_by(actor))

    def survivors(self) -> Self:
        """One row per living person: merged-away and erased members left out."""
        return self.filter(survivor_id=F("id"), erased_at=None)

    def joined(self) -> Self:
        return self.filter(joined_at__isnull=False)


class OfMemberQuerySet(models.QuerySet):
    """Rows that belong to one member through a `member` column."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(_members_seen_by(actor, "member_id"))


class MemberIdentityQuerySet(OfMemberQuerySet):
    def matching(self, *, kind: str, scope: str, value_keys: list[bytes]) -> Self:
        return self.filter(kind=kind, scope=scope, value_key__in=value_keys)


class PeriodQuerySet(OfMemberQuerySet):
    def current(self) -> Self:
        return self.filter(until=None)


class ServingPeriodQuerySet(PeriodQuerySet):
    pass


class FollowRelationQuerySet(PeriodQuerySet):
    pass


class StopMarkQuerySet(PeriodQuerySet):
    pass


class InteractionQuerySet(OfMemberQuerySet):
    pass


class ConsentQuerySet(OfMemberQuerySet):
    def valid(self) -> Self:
        return self.filter(withdrawn_at=None)


class MemberNoteQuerySet(OfMemberQuerySet):
    pass


class FollowUpQuerySet(OfMemberQuerySet):
    def standing(self) -> Self:
        return self.filter(closed_at=None)


class ConfirmedFactQuerySet(OfMemberQuerySet):
    pass


class AccessRequestQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Own requests, and those of the places the actor leads."""
        if actor.sees_all:
            return self
        scope = Q(store_id__in=actor.store_ids) | Q(store__region_id__in=actor.region_ids)
        return self.filter(scope | Q(guide_id=actor.guide_id or 0))

    def granted_at(self, moment: datetime) -> Self:
        return self.filter(state="granted", expires_at__gt=moment)

    def waiting(self) -> Self:
        return self.filter(state="waiting")


class MemberMergeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(_members_seen_by(actor, "survivor_id"))
