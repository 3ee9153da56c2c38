"""Reads: how a callback address was configured, and how the inbox is doing."""

import time
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min, Q

from apps.core.pii import decrypt
from apps.wecom.crypto import Keys
from apps.wecom.models import CallbackEndpoint, RawCallback


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


def endpoint_config(slug: str) -> EndpointConfig | None:
    """The callback address with its keys in clear, or nothing when there is no such address.

    Each process remembers it for WECOM_ENDPOINT_SECONDS: looking it up is half the work of taking a
    callback. New keys count after that time.
    """
    until, config = _known.get(slug, (0.0, None))
    if config is None or time.monotonic() >= until:
        config = _read_endpoint(slug)
        if config is None:
            _known.pop(slug, None)
            return None
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


def inbox_health() -> InboxHealth:
    """How many callbacks wait or were given up, and since when the oldest waits."""
    waiting = Q(status__in=["received", "processing"])
    figures = RawCallback.objects.filter(waiting | Q(status="dead")).aggregate(
        waiting=Count("pk", filter=waiting),
        dead=Count("pk", filter=Q(status="dead")),
        oldest_waiting_at=Min("received_at", filter=waiting),
    )
    return InboxHealth(**figures)
