"""Reads of cases."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.cases.models import CasePhoto, CaseStep, ServiceCase, State
from apps.core import pii

# how long a closed case stands on the list of a store
SHOWN_CLOSED = timedelta(days=30)


def words_of(row: ServiceCase | CaseStep) -> str:
    """What was written; "" for nothing."""
    return pii.unseal(row.words_enc)


def may_settle(case: ServiceCase, actor: Actor) -> bool:
    """Whether this actor may take up, close and reopen it, by place and role."""
    if actor.sees_all:
        return actor.can(Capability.EDIT_MEMBERS)
    here = case.store_id in actor.store_ids or case.store.region_id in actor.region_ids
    return here and actor.can(Capability.MANAGE_TEAM)


def may_take_back(photo: CasePhoto, case: ServiceCase, actor: Actor) -> bool:
    """Whether this actor may take the photo back while the case is open: who added it, and who
    settles the case."""
    return photo.actor == actor.label or may_settle(case, actor)


def late_by_store(*, store_ids: Collection[int], now: datetime) -> dict[int, int]:
    """How many are past their time, by store; stores without one are left out."""
    rows = ServiceCase.objects.late(now).filter(store_id__in=store_ids).order_by()
    return dict(rows.values_list("store_id").annotate(Count("pk")))


def undecided(*, actor: Actor) -> QuerySet[ServiceCase]:
    """What waits, the most urgent first."""
    rows = ServiceCase.objects.visible_to(actor).undecided()
    return rows.select_related("member", "store", "guide").order_by("due_at", "pk")


def closed(*, actor: Actor, now: datetime) -> QuerySet[ServiceCase]:
    """What was closed lately, the latest first."""
    rows = ServiceCase.objects.visible_to(actor).filter(
        state=State.CLOSED, closed_at__gt=now - SHOWN_CLOSED
    )
    return rows.select_related("member", "store", "guide").order_by("-closed_at", "-pk")


def all_of(*, member_ids: Collection[int]) -> list[ServiceCase]:
    """Everything we hold, for the copy that the person asks for; with the rows of the photos."""
    rows = ServiceCase.objects.of_members(member_ids).prefetch_related("photos")
    return list(rows.select_related("store").order_by("opened_at", "pk"))
