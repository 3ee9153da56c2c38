"""Which members, identities and relations an actor may see, and the set filters built on them."""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from apps.accounts.actor import Actor
from apps.core import clock
from apps.stores.querysets import AskedQuerySet, in_places


def _relations_of(actor: Actor, *, granted: bool) -> list[models.QuerySet]:
    """Rows that tie a member to the actor: served in the scope, followed, and on wish looks that
    somebody granted for a while (申请查看)."""
    current = apps.get_model("members.ServingPeriod").objects.current()
    scope = in_places(actor)
    if actor.guide_id is None:
        return [current.filter(scope)]
    found: list[models.QuerySet] = [
        current.filter(scope | Q(guide_id=actor.guide_id)),
        apps.get_model("members.FollowRelation").objects.current().filter(guide_id=actor.guide_id),
    ]
    if granted:
        looks = apps.get_model("members.AccessRequest").objects.for_card()
        looks = looks.granted_at(clock.now())
        found.append(looks.filter(guide_id=actor.guide_id))
    return found


def _members_of(actor: Actor, ref: str, *, granted: bool, each: bool = False) -> Q:
    """Condition "the member in column `ref` is tied to the actor".

    A narrow scope is a set of ids that the indexes of the relations give, whatever the chain's
    size; a region's would be half a million, so there each member is asked for instead, as
    everywhere where the question is about few of them.
    """
    relations = _relations_of(actor, granted=granted)
    if each or actor.region_ids:
        asked = [Q(Exists(rows.filter(member_id=OuterRef(ref)))) for rows in relations]
        return reduce(or_, asked)
    first, *others = [rows.values("member_id") for rows in relations]
    return Q(**{f"{ref}__in": first.union(*others) if others else first})


class MemberQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """HQ sees all; a manager the members served in their stores; a guide those they serve or
        follow, and those whose card was opened to them for a while."""
        if actor.sees_all:
            return self
        return self.filter(_members_of(actor, "pk", granted=True))

    def served_by(self, actor: Actor, *, each: bool = False) -> Self:
        """Those the actor works for: lists and writes ask this, a granted look is no customer.
        `each`: of a few members chosen otherwise; the answer is the same."""
        if actor.sees_all:
            return self
        return self.filter(_members_of(actor, "pk", granted=False, each=each))

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
        return self.filter(_members_of(actor, "member_id", granted=True))


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
    def standing(self) -> Self:
        return self.filter(withdrawn_at=None)


class FollowUpQuerySet(OfMemberQuerySet):
    def standing(self) -> Self:
        return self.filter(closed_at=None)


class ConfirmedFactQuerySet(OfMemberQuerySet):
    pass


class AccessRequestQuerySet(AskedQuerySet):
    def waiting_for(self, actor: Actor) -> Self:
        """Cards that colleagues of the own store ask for. About numbers head office decides."""
        waiting = self.visible_to(actor).for_card().waiting()
        if not actor.sees_all:
            waiting = waiting.filter(store_id__in=actor.store_ids)
        return waiting.exclude(guide_id=actor.guide_id or 0)

    def for_card(self) -> Self:
        """To open a card; asking for a number opens nothing."""
        return self.filter(what="card")

    def for_phone(self) -> Self:
        return self.filter(what="phone")

    def granted_at(self, moment: datetime) -> Self:
        return self.filter(state="granted", expires_at__gt=moment)

    def unseen_at(self, moment: datetime) -> Self:
        """Numbers that may be looked at, once."""
        return self.for_phone().granted_at(moment).filter(used_at=None)


class JoinRefusalQuerySet(OfMemberQuerySet):
    pass


class EnrolDraftQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Who wrote them, nobody else: they are about people who have agreed to nothing yet."""
        return self.filter(guide_id=actor.guide_id or 0)

    def waiting(self) -> Self:
        return self.filter(state="waiting")


class MemberMergeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(_members_of(actor, "survivor_id", granted=True))
