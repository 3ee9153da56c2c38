"""The one place that talks HTTP with WeCom, and the only module that may import an HTTP library.

`wechatpy.enterprise` supplies the transport and the token format. What it lacks is added here:
one token request at a time, a bounded retry, timeouts everywhere, typed errors.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import requests
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError
from urllib3.exceptions import NameResolutionError, NewConnectionError
from wechatpy.enterprise.client import WeChatClient
from wechatpy.exceptions import WeChatClientException
from wechatpy.session.redisstorage import RedisStorage

from apps.core import clock
from apps.wecom.client.values import Json
from apps.wecom.errors import (
    NoAnswer,
    RateLimited,
    Refused,
    TokenExpired,
    Unreachable,
    WeComError,
)

TOKEN_ERRORS = frozenset({40014, 42001})
LIMIT_ERRORS = frozenset({45009, 45033})
BUSY_ERRORS = frozenset({-1, 6000})

CONNECT_SECONDS = 3.05
READ_SECONDS = 10
BUSY_TRIES = 3
LOCK_SECONDS = 15  # a holder that was killed stops the others for no longer than this
LIMIT_WINDOW_SECONDS = 60
COUNTER_DAYS = 8


@lru_cache(maxsize=1)
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def shared_cache() -> Redis:
    """The cache that all processes share: tokens, tickets, their locks, and the call counters."""
    return _redis(settings.CACHE_URL)


class Transport(WeChatClient):
    """One app of one corp: its token, and one call at a time. Endpoints are in the subclasses."""

    def __init__(self, *, corp_id: str, secret: str, agent_id: int, redis: Redis) -> None:
        super().__init__(
            corp_id,
            secret,
            session=RedisStorage(redis, "wecom"),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            auto_retry=False,
        )
        self.agent_id = agent_id
        self.redis = redis
        # the library sets no timeout at all when it asks for a token
        self._http.request = partial(  # type: ignore[method-assign]
            self._http.request, timeout=(CONNECT_SECONDS, READ_SECONDS)
        )

    # -- tokens ---------------------------------------------------------------------------------

    @property
    def access_token_key(self) -> str:
        # the library keys by the secret's first ten characters; two apps could share a token
        return f"token:{self.corp_id}:{hashlib.sha256(self.secret.encode()).hexdigest()[:32]}"

    @property
    def access_token(self) -> str:
        return self.session.get(self.access_token_key) or self._renew_token(failed=None)

    def fetch_access_token(self) -> Json:
        return self._fetch_access_token(
            f"{settings.WECOM_API_BASE}gettoken",
            {"corpid": self.corp_id, "corpsecret": self.secret},
        )

    def _renew_token(self, *, failed: str | None) -> str:
        return self._single_flight(
            self.access_token_key, failed, lambda: self.fetch_access_token()["access_token"]
        )

    def _single_flight(self, key: str, failed: str | None, fetch: Callable[[], str]) -> str:
        """One caller asks, the others wait and take its result; a value that works is kept."""
        with self.redis.lock(
            f"wecom:lock:{key}", timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS + 5, sleep=0.02
        ):
            stored = self.session.get(key)
            if stored and stored != failed:
                return stored
            self.session.delete(key)
            return fetch()

    def _token_or_raise(self, *, failed: str | None) -> str:
        """A token, or the reason there is none. Whatever fails here, the call was not made."""
        try:
            return self._renew_token(failed=failed) if failed else self.access_token
        except WeChatClientException as exc:
            if exc.errcode is None:
                raise Unreachable("gettoken") from None
            raise _refusal(exc.errcode, "gettoken") from None
        except (requests.RequestException, RedisError, ValueError, KeyError) as exc:
            # the texts of these exceptions hold the address with the secret in it
            raise Unreachable(f"gettoken: {type(exc).__name__}") from None

    # -- transport ------------------------------------------------------------------------------

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        params = dict(kwargs.pop("params", None) or {})
        token = self._token_or_raise(failed=None)
        try:
            return self._send(method, url_or_endpoint, params, token, kwargs)
        except WeChatClientException as exc:
            if exc.errcode not in TOKEN_ERRORS:
                raise
        token = self._token_or_raise(failed=token)  # then once more, never a third time
        return self._send(method, url_or_endpoint, params, token, kwargs)

    def _send(
        self, method: str, endpoint: str, params: Json, token: str, kwargs: dict[str, Any]
    ) -> Any:
        sent = {**params, "access_token": token}
        url = f"{settings.WECOM_API_BASE}{endpoint}"
        return super()._request(method, url, params=sent, **kwargs)

    def _call(
        self, path: str, *, params: Json | None = None, data: Json | None = None, effect: bool
    ) -> Json:
        """One call. `effect` says that repeating it could do something twice."""
        tries = 1 if effect else BUSY_TRIES
        for attempt in range(1, tries + 1):
            try:
                return self._call_once(path, params=params, data=data, effect=effect)
            except Refused as exc:
                if exc.errcode not in BUSY_ERRORS or attempt == tries:
                    raise
                time.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable")

    def _call_once(
        self, path: str, *, params: Json | None, data: Json | None, effect: bool
    ) -> Json:
        outcome = "ok"
        try:
            answer = self._request(
                "get" if data is None else "post", path, params=params, data=data
            )
            if not isinstance(answer, dict) or "errcode" not in answer:
                raise NoAnswer(f"{path}: not an answer", outcome_unknown=effect)
        except WeChatClientException as exc:
            error = _http_error(exc, path, effect) if exc.errcode is None else None
            error = error or _refusal(exc.errcode, path)
            outcome = str(error.errcode or error.code)
            raise error from None
        except requests.RequestException as exc:
            error = _transport_error(exc, path, effect)
            outcome = error.code
            raise error from None
        except WeComError as exc:
            outcome = str(exc.errcode or exc.code)
            raise
        finally:
            self._count(path, outcome)
        return answer

    def _count(self, path: str, outcome: str) -> None:
        """Figures for the health page; losing one is of no matter."""
        key = f"wecom:calls:{clock.today():%Y%m%d}"
        with contextlib.suppress(RedisError):
            pipe = self.redis.pipeline(transaction=False)
            pipe.hincrby(key, f"{path}|{outcome}", 1)
            pipe.expire(key, COUNTER_DAYS * 86_400)
            pipe.execute()

    def _pages(self, path: str, data: Json, rows: str) -> Iterator[Json]:
        cursor = ""
        while True:
            body = {**data, "cursor": cursor} if cursor else data
            answer = self._call(path, data=body, effect=False)
            yield from answer.get(rows) or ()
            following = answer.get("next_cursor") or ""
            if not following or following == cursor:
                return
            cursor = following


def _refusal(errcode: int | None, path: str) -> WeComError:
    if errcode in TOKEN_ERRORS:
        return TokenExpired(path, errcode=errcode)
    if errcode in LIMIT_ERRORS:
        return RateLimited(path, errcode=errcode, retry_after=LIMIT_WINDOW_SECONDS)
    return Refused(path, errcode=errcode)


def _http_error(exc: WeChatClientException, path: str, effect: bool) -> WeComError:
    status = exc.response.status_code
    if status == 429:
        return RateLimited(f"{path}: HTTP 429", retry_after=LIMIT_WINDOW_SECONDS)
    if status < 500:
        return Refused(f"{path}: HTTP {status}")
    return NoAnswer(f"{path}: HTTP {status}", outcome_unknown=effect)


def _transport_error(exc: requests.RequestException, path: str, effect: bool) -> WeComError:
    """Never show the exception's own text: it holds the address, and that holds the token."""
    detail = f"{path}: {type(exc).__name__}"
    if isinstance(exc, requests.ConnectTimeout | requests.exceptions.SSLError):
        return Unreachable(detail)
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    if isinstance(reason, NewConnectionError | NameResolutionError):
        return Unreachable(detail)
    return NoAnswer(detail, outcome_unknown=effect)


def call_counts(day: datetime | None = None) -> dict[tuple[str, str], int]:
    """How often each method ended how on that chain day: {(path, "ok" or errcode): times}."""
    on = clock.business_day(day) if day else clock.today()
    try:
        raw: Any = shared_cache().hgetall(f"wecom:calls:{on:%Y%m%d}")
    except RedisError:
        return {}
    counts = {}
    for key, times in raw.items():
        path, _, outcome = key.decode().partition("|")
        counts[path, outcome] = int(times)
    return counts
