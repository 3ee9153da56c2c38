"""Reads: how a callback address was configured, and how the inbox is doing."""

import time
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, QuerySet

from apps.core.pii import decrypt
from apps.wecom.crypto import Keys
from apps.wecom.models import CallbackEndpoint, Corp, CorpApp, RawCallback


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    pk: int
    corp_id: str
    agent_id: int | None
    keys: Keys


@dataclass(frozen=True, slots=True)
class InboxHealth:
    """`oldest_waiting_at` is when the longest waiting callback came in."""

    waiting: int
    dead: int
    oldest_waiting_at: datetime | None


_known: dict[str, tuple[float, EndpointConfig]] = {}


def known_endpoint(slug: str) -> EndpointConfig | None:
    """What this process still remembers of a callback address."""
    until, config = _known.get(slug, (0.0, None))
    return config if time.monotonic() < until else None


def endpoint_config(slug: str) -> EndpointConfig | None:
    """The callback address with its keys in clear, or nothing when there is no such address.

    Each process remembers it for WECOM_ENDPOINT_SECONDS: looking it up is half the work of taking a
    callback. New keys count after that time.
    """
    config = known_endpoint(slug) or _read_endpoint(slug)
    if config is None:
        _known.pop(slug, None)
    elif known_endpoint(slug) is None:
        _known[slug] = (time.monotonic() + settings.WECOM_ENDPOINT_SECONDS, config)
    return config


def _read_endpoint(slug: str) -> EndpointConfig | None:
    row = (
        CallbackEndpoint.objects.filter(slug=slug, corp__is_active=True)
        .values_list(
            "pk", "corp__corp_id", "app__agent_id", "token_enc", "aes_key_enc", "receive_id"
        )
        .first()
    )
    if row is None:
        return None
    pk, corp_id, agent_id, token_enc, aes_key_enc, receive_id = row
    keys = Keys(
        token=decrypt(bytes(token_enc)),
        aes_key=decrypt(bytes(aes_key_enc)),
        receive_id=receive_id,
    )
    return EndpointConfig(pk=pk, corp_id=corp_id, agent_id=agent_id, keys=keys)


def active_corps() -> list[Corp]:
    """The connected corps, the one connected first at the top."""
    return list(Corp.objects.filter(is_active=True).order_by("pk"))


def named_by_its_users(corp_id: str) -> set[str]:
    """What users of head office say whose WeCom they are in. Whoever names no corp is in the first
    that was connected, also while that one is switched off: never in whichever is left."""
    first = Corp.objects.order_by("pk").values_list("corp_id", flat=True).first()
    return {corp_id, ""} if corp_id == first else {corp_id}


def apps_with_checks() -> QuerySet[CorpApp]:
    """Every app with its corp, how many steps are in order, how many are not, last looked at."""
    return (
        CorpApp.objects.select_related("corp")
        .annotate(
            good=Count("checks", filter=Q(checks__state="ok")),
            bad=Count("checks", filter=Q(checks__state="bad")),
            checked_at=Max("checks__checked_at"),
        )
        .order_by("corp_id", "pk")
    )


def inbox_health() -> InboxHealth:
    """How many callbacks wait or were given up, and since when the oldest waits."""
    waiting = Q(status__in=["received", "processing"])
    figures = RawCallback.objects.filter(waiting | Q(status="dead")).aggregate(
        waiting=Count("pk", filter=waiting),
        dead=Count("pk", filter=Q(status="dead")),
        oldest_waiting_at=Min("received_at", filter=waiting),
    )
    return InboxHealth(**figures)


@dataclass(frozen=True, slots=True)
class EventCount:
    """How the callbacks of one kind fared. `event` and `change_type` are WeCom's words."""

    event: str
    change_type: str
    received: int
    done: int
    ignored: int
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Given-up callbacks of one kind with one reason."""

    event: str
    change_type: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime


def event_counts(*, since: datetime) -> list[EventCount]:
    """What came in since then, by kind, the most frequent first."""
    rows = (
        RawCallback.objects.filter(received_at__gte=since)
        .order_by()
        .values("event", "change_type")
        .annotate(
            received=Count("pk"),
            done=Count("pk", filter=Q(status="done")),
            ignored=Count("pk", filter=Q(status="ignored")),
            waiting=Count("pk", filter=Q(status__in=["received", "processing"])),
            dead=Count("pk", filter=Q(status="dead")),
        )
        .order_by("-received", "event", "change_type")
    )
    return [EventCount(**row) for row in rows]


def dead_groups(*, limit: int = 100) -> list[DeadGroup]:
    """Everything that was given up, by reason and kind, the largest group first."""
    rows = (
        RawCallback.objects.filter(status="dead")
        .order_by()
        .values("event", "change_type", reason=F("last_error"))
        .annotate(count=Count("pk"), first_at=Min("received_at"), last_at=Max("received_at"))
        .order_by("-count", "reason", "event")[:limit]
    )
    return [DeadGroup(**row) for row in rows]
