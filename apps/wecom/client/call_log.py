"""What was called and how it ended: counted by the day, the latest calls kept for people to read.

Never a body, an address, a token, a secret or a name: the method, the corp, the outcome, how long.
Both are in the shared cache: losing them is of no matter.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from apps.core import clock

COUNTER_DAYS = 8
KEPT_CALLS = 2_000
ALL, TROUBLES = "wecom:log:all", "wecom:log:troubles"  # calm days must not push the bad calls out
WAITED = "waited"


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """`outcome` is "ok", WeCom's errcode or our own word; `hint` is WeCom's number of the call."""

    at: datetime
    corp_id: str
    path: str
    outcome: str
    ms: int
    attempt: int
    hint: str = ""


def note(redis: Redis, call: LoggedCall) -> None:
    row = json.dumps({**asdict(call), "at": call.at.timestamp()})
    with contextlib.suppress(RedisError):
        pipe = redis.pipeline(transaction=False)
        _count(pipe, call.path, call.outcome)
        for ring in (ALL,) if call.outcome == "ok" else (ALL, TROUBLES):
            pipe.lpush(ring, row)
            pipe.ltrim(ring, 0, KEPT_CALLS - 1)
        pipe.execute()


def note_waited(redis: Redis, path: str) -> None:
    """A call that was not made because its turn had not come: counted, not listed."""
    with contextlib.suppress(RedisError):
        pipe = redis.pipeline(transaction=False)
        _count(pipe, path, WAITED)
        pipe.execute()


def _count(pipe: Any, path: str, outcome: str) -> None:
    key = f"wecom:calls:{clock.today():%Y%m%d}"
    pipe.hincrby(key, f"{path}|{outcome}", 1)
    pipe.expire(key, COUNTER_DAYS * 86_400)


def latest(redis: Redis, *, outcome: str = "", path: str = "", most: int = 200) -> list[LoggedCall]:
    """The latest calls, newest first. `outcome` is "bad" for all that did not end well."""
    ring = ALL if outcome in ("", "ok") else TROUBLES
    found = []
    for call in _rows(redis, ring):
        if outcome not in ("", "bad", call.outcome) or (path and call.path != path):
            continue
        found.append(call)
        if len(found) == most:
            break
    return found


def _rows(redis: Redis, ring: str) -> Iterator[LoggedCall]:
    try:
        raw: Any = redis.lrange(ring, 0, -1)
    except RedisError:
        return
    for row in raw:
        fields = json.loads(row)
        yield LoggedCall(**{**fields, "at": datetime.fromtimestamp(fields["at"], tz=UTC)})


def counts(redis: Redis, day: datetime | None = None) -> dict[tuple[str, str], int]:
    """How often each method ended how on that chain day: {(path, outcome): times}."""
    on = clock.business_day(day) if day else clock.today()
    try:
        raw: Any = redis.hgetall(f"wecom:calls:{on:%Y%m%d}")
    except RedisError:
        return {}
    found = {}
    for key, times in raw.items():
        path, _, outcome = key.decode().partition("|")
        found[path, outcome] = int(times)
    return found
