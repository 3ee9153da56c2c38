"""Reads of concessions."""

from collections.abc import Collection
from datetime import date

from django.db.models import Q

from apps.accounts.actor import Actor
from apps.concessions.models import Concession, Kind, State

LISTED = 50


def waiting_for(*, actor: Actor) -> list[Concession]:
    """What waits for the actor's word, the oldest first; one query."""
    rows = Concession.objects.waiting_for(actor)
    found = rows.select_related("member", "guide", "store", "order")
    return list(found.order_by("asked_at", "pk")[:LISTED])


def asked_for(*, member_ids: Collection[int], actor: Actor) -> list[Concession]:
    """What was asked for these customers, the latest first, as far as the actor may see it."""
    rows = Concession.objects.visible_to(actor).of_members(member_ids)
    return list(rows.select_related("guide", "store", "order").order_by("-asked_at", "-pk")[:10])


def counting_at(*, store_id: int, member_ids: Collection[int], day: date) -> list[Concession]:
    """What an order of this store would use on that day, what ends first first: a discount where it
    was granted, a late return everywhere."""
    here = Q(kind=Kind.RETURN) | Q(store_id=store_id)
    rows = Concession.objects.of_members(member_ids).filter(here, state=State.GRANTED)
    found = rows.filter(valid_until__gte=day).select_related("order")
    return list(found.order_by("valid_until", "pk"))


def all_of(*, member_ids: Collection[int]) -> list[Concession]:
    """Everything we hold, for the copy that the person asks for."""
    rows = Concession.objects.of_members(member_ids)
    return list(rows.select_related("store").order_by("asked_at", "pk"))
