"""Django's Redis cache with one client a thread.

Django makes a client for every question it asks. That fills a table of all commands: as much work
as the question itself, twice for each page.
"""

from functools import cache
from typing import Any

from django.core.cache.backends import redis


class _Client(redis.RedisCacheClient):
    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, **options)
        # a client holds nothing but its pool of connections, and there is one pool for each server
        self._client: Any = cache(self._client)


class Cache(redis.RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
