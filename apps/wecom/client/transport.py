"""The one place that talks HTTP with WeCom, and the only module that may import an HTTP library.

`wechatpy.enterprise` supplies the transport and the token format. What it lacks is added here: one
token request at a time, a turn for each call (`governor`), a bounded retry, timeouts everywhere,
files that are sent whole when a call is repeated, typed errors, a log without secrets.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, BinaryIO

import requests
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError
from urllib3.exceptions import NameResolutionError, NewConnectionError
from wechatpy.enterprise.client import WeChatClient
from wechatpy.exceptions import WeChatClientException
from wechatpy.session.redisstorage import RedisStorage

from apps.core import clock
from apps.wecom.client import call_log
from apps.wecom.client.governor import Governor
from apps.wecom.client.kept import PREFIX, Kept
from apps.wecom.client.values import Json
from apps.wecom.errors import (
    NoAnswer,
    NotNow,
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
UPLOAD_SECONDS = 60
BUSY_TRIES = 3
# an address that goes on asking for tokens with a bad secret is shut out for an hour
REFUSED_SECONDS = 60

HINT = re.compile(r"hint: \[([0-9A-Za-z_]{1,64})\]")
SEEN_IP = re.compile(r"from ip: ([0-9A-Fa-f.:]{3,45})")

# name of the field → (name of the file, the file, its type)
Files = Mapping[str, tuple[str, BinaryIO, str]]


@lru_cache(maxsize=1)
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def shared_cache() -> Redis:
    """The cache that all processes share: tokens, tickets, buckets, the log of calls."""
    return _redis(settings.CACHE_URL)


class Transport(WeChatClient):
    """One app of one corp: its token, and one call at a time. Endpoints are in the subclasses."""

    def __init__(self, *, corp_id: str, secret: str, agent_id: int, redis: Redis) -> None:
        super().__init__(
            corp_id,
            secret,
            session=RedisStorage(redis, PREFIX),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            auto_retry=False,
        )
        self.agent_id = agent_id
        self.redis = redis
        self.kept = Kept(redis)
        self.governor = Governor(redis, corp_id)
        # the library sets no timeout at all when it asks for a token
        self._http.request = partial(self._http.request, timeout=(CONNECT_SECONDS, READ_SECONDS))

    # -- tokens ---------------------------------------------------------------------------------

    @property
    def access_token_key(self) -> str:
        # the library keys by the secret's first ten characters; two apps could share a token
        return f"token:{self.corp_id}:{hashlib.sha256(self.secret.encode()).hexdigest()[:32]}"

    @property
    def access_token(self) -> str:
        return self.kept.value(self.access_token_key, self._fetch_token)

    def fetch_access_token(self) -> Json:
        return self._fetch_access_token(
            f"{settings.WECOM_API_BASE}gettoken",
            {"corpid": self.corp_id, "corpsecret": self.secret},
        )

    def ask_token_anew(self) -> None:
        """Forget what WeCom said to this secret and ask again: somebody mended something."""
        try:
            self.redis.delete(self._refused_key)
            self.kept.renew(self.access_token_key, self._fetch_token, failed=self._stored_token())
        except RedisError as exc:
            raise Unreachable(f"gettoken: {type(exc).__name__}") from None

    def _stored_token(self) -> str | None:
        return self.session.get(self.access_token_key)

    @property
    def _refused_key(self) -> str:
        return f"{PREFIX}:refused:{self.access_token_key}"

    def _fetch_token(self) -> str:
        known: Any = self.redis.get(self._refused_key)
        if known:
            raise _refusal(int(known), "gettoken: refused a moment ago")
        begun = time.monotonic()
        try:
            token: str = self.fetch_access_token()["access_token"]
        except WeChatClientException as exc:
            error: WeComError = Unreachable("gettoken")
            if exc.errcode is not None:
                error = _refusal(exc.errcode, "gettoken", exc.errmsg)
                if exc.errcode not in BUSY_ERRORS:
                    self.redis.set(self._refused_key, str(exc.errcode), ex=REFUSED_SECONDS)
            self._log("gettoken", error, begun, 1)
            raise error from None
        except (requests.RequestException, ValueError, KeyError) as exc:
            # the texts of these exceptions hold the address with the secret in it
            error = Unreachable(f"gettoken: {type(exc).__name__}")
            self._log("gettoken", error, begun, 1)
            raise error from None
        self._log("gettoken", None, begun, 1)
        return token

    def _token_or_raise(self, *, failed: str | None) -> str:
        """A token, or the reason there is none. Whatever fails here, the call was not made."""
        try:
            if failed is None:
                return self.access_token
            return self.kept.renew(self.access_token_key, self._fetch_token, failed=failed)
        except RedisError as exc:
            raise Unreachable(f"gettoken: {type(exc).__name__}") from None

    # -- one call -------------------------------------------------------------------------------

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
        for _name, content, _type in (kwargs.get("files") or {}).values():
            content.seek(0)  # what was read for the last try would be missing from this one
        sent = {**params, "access_token": token}
        url = f"{settings.WECOM_API_BASE}{endpoint}"
        return super()._request(method, url, params=sent, **kwargs)

    def _call(
        self,
        path: str,
        *,
        params: Json | None = None,
        data: Json | None = None,
        files: Files | None = None,
        effect: bool,
    ) -> Json:
        """One call. `effect` says that repeating it could do something twice."""
        kwargs: dict[str, Any] = {"params": params, "data": data}
        if files:
            kwargs |= {"files": files, "timeout": (CONNECT_SECONDS, UPLOAD_SECONDS)}
        tries = 1 if effect else BUSY_TRIES
        for attempt in range(1, tries + 1):
            try:
                return self._call_once(path, kwargs, effect=effect, attempt=attempt)
            except Refused as exc:
                if exc.errcode not in BUSY_ERRORS or attempt == tries:
                    raise
                time.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable")

    def _call_once(self, path: str, kwargs: dict[str, Any], *, effect: bool, attempt: int) -> Json:
        self._wait_for_turn(path)
        begun = time.monotonic()
        try:
            answer = self._answer(path, kwargs, effect=effect)
        except WeComError as error:
            self._settle(path, error)
            self._log(path, error, begun, attempt)
            raise
        self._settle(path, None)
        self._log(path, None, begun, attempt)
        return answer

    def _wait_for_turn(self, path: str) -> None:
        """Never by sleeping: a worker has other work, the caller puts this one off."""
        try:
            self.governor.admit(path)
        except NotNow:
            call_log.note_waited(self.redis, path)
            raise
        except RedisError as exc:
            raise Unreachable(f"{path}: {type(exc).__name__}") from None

    def _answer(self, path: str, kwargs: dict[str, Any], *, effect: bool) -> Json:
        posted = kwargs["data"] is not None or "files" in kwargs
        try:
            answer = self._request("post" if posted else "get", path, **kwargs)
        except WeChatClientException as exc:
            if exc.errcode is None:
                raise _http_error(exc, path, effect) from None
            raise _refusal(exc.errcode, path, exc.errmsg) from None
        except requests.RequestException as exc:
            raise _transport_error(exc, path, effect) from None
        if not isinstance(answer, dict) or "errcode" not in answer:
            raise NoAnswer(f"{path}: not an answer", outcome_unknown=effect)
        return answer

    def _settle(self, path: str, error: WeComError | None) -> None:
        """What every other worker learns from this call."""
        with contextlib.suppress(RedisError):
            if isinstance(error, RateLimited):
                error.retry_after = self.governor.limited(
                    path, errcode=error.errcode, asked=error.asked
                )
            elif isinstance(error, Unreachable | NoAnswer):
                self.governor.lost(path)
            else:
                self.governor.answered(path)

    def _log(self, path: str, error: WeComError | None, begun: float, attempt: int) -> None:
        call_log.note(
            self.redis,
            call_log.LoggedCall(
                at=clock.now(),
                corp_id=self.corp_id,
                path=path,
                outcome=str(error.errcode or error.code) if error else "ok",
                ms=int((time.monotonic() - begun) * 1_000),
                attempt=attempt,
                hint=error.hint if error else "",
            ),
        )

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


def _refusal(errcode: int | None, path: str, errmsg: object = "") -> WeComError:
    error: WeComError
    if errcode in TOKEN_ERRORS:
        error = TokenExpired(path, errcode=errcode)
    elif errcode in LIMIT_ERRORS:
        error = RateLimited(path, errcode=errcode, retry_after=settings.WECOM_LIMIT_WAIT_SECONDS)
    else:
        error = Refused(path, errcode=errcode)
    # only these two of the text: it may quote what was sent
    if found := HINT.search(str(errmsg)):
        error.hint = found[1]
    if found := SEEN_IP.search(str(errmsg)):
        error.seen_ip = found[1]
    return error


def _http_error(exc: WeChatClientException, path: str, effect: bool) -> WeComError:
    status = exc.response.status_code
    if status == 429:
        asked = exc.response.headers.get("Retry-After", "")
        limited = RateLimited(f"{path}: HTTP 429", retry_after=settings.WECOM_LIMIT_WAIT_SECONDS)
        limited.asked = int(asked) if asked.isdigit() else None
        return limited
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
    return call_log.counts(shared_cache(), day)


def latest_calls(*, outcome: str = "", most: int = 60) -> list[call_log.LoggedCall]:
    """The latest calls, newest first; `outcome` "bad" for all that did not end well."""
    return call_log.latest(shared_cache(), outcome=outcome, most=most)


def paused_for(corp_ids: list[str]) -> dict[str, int]:
    """Corps whose breaker is open, with the seconds until somebody asks again."""
    with contextlib.suppress(RedisError):
        waits = {one: Governor(shared_cache(), one).paused_seconds() for one in corp_ids}
        return {corp_id: seconds for corp_id, seconds in waits.items() if seconds}
    return {}


def open_again_in(corp_ids: list[str], paths: list[str]) -> dict[str, int]:
    """Interfaces that rest because WeCom asked for it, with the seconds until they go on."""
    found: dict[str, int] = {}
    with contextlib.suppress(RedisError):
        for corp_id in corp_ids:
            for path, seconds in Governor(shared_cache(), corp_id).closed(paths).items():
                found[path] = max(found.get(path, 0), seconds)
    return found
