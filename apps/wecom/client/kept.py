"""Tokens and tickets: kept for all processes, fetched by one while the others wait or go on."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from redis import Redis

log = structlog.get_logger(__name__)

PREFIX = "wecom"
LOCK_SECONDS = 15  # a holder that was killed stops the others for no longer than this
EARLY_MS = 600_000  # so long before its end somebody asks for the next one
# WeCom may hand out the very same token until it ends: then it is asked again, but not by everybody
EARLY_AGAIN_MS = 60_000
FORGET_AGAIN_MS = 60_000

Fetch = Callable[[], str]


class Kept:
    """Values with an end. `fetch` gets a new one, stores it under the key and returns it."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    def value(self, key: str, fetch: Fetch) -> str:
        """The kept value. Shortly before its end one caller renews it, the others take the old."""
        pipe = self.redis.pipeline(transaction=False)
        pipe.get(f"{PREFIX}:{key}")
        pipe.pttl(f"{PREFIX}:{key}")
        raw, left_ms = pipe.execute()
        if raw is None:
            return self.renew(key, fetch, failed=None)
        if 0 <= left_ms < EARLY_MS and self._mine(key):
            try:
                return fetch()
            except Exception as error:  # the old one is good for minutes: somebody tries again
                log.warning("early_renewal_failed", error=type(error).__name__)
        value: str = json.loads(raw)
        return value

    def _mine(self, key: str) -> bool:
        return bool(self.redis.set(f"{PREFIX}:early:{key}", b"1", nx=True, px=EARLY_AGAIN_MS))

    def forget(self, who: str, keys: Sequence[str]) -> bool:
        """Drop kept values that did not work, unless that was done a moment ago."""
        if not self.redis.set(f"{PREFIX}:forgot:{who}", b"1", nx=True, px=FORGET_AGAIN_MS):
            return False
        self.redis.delete(*(f"{PREFIX}:{key}" for key in keys))
        return True

    def renew(self, key: str, fetch: Fetch, *, failed: str | None) -> str:
        """One caller asks, the others wait and take its result; a value that works is kept."""
        with self.redis.lock(
            f"{PREFIX}:lock:{key}",
            timeout=LOCK_SECONDS,
            blocking_timeout=LOCK_SECONDS + 5,
            sleep=0.02,
        ):
            raw: Any = self.redis.get(f"{PREFIX}:{key}")
            stored: str | None = json.loads(raw) if raw else None
            if stored and stored != failed:
                return stored
            self.redis.delete(f"{PREFIX}:{key}")
            return fetch()
