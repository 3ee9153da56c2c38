"""Who may call now: token buckets for each API and a breaker for each corp, shared by all workers.

State is in the shared cache and both questions are one script each, so eight workers cannot take
the same place. Losing the cache loses no work: it refuses, and callers come again.
"""

import math
from typing import Any

from django.conf import settings
from redis import Redis

from apps.wecom.client.limits import limits_of
from apps.wecom.errors import Paused, RateLimited

PROBE_MS = 20_000  # longer than a call can take; a prober that was killed stops nobody for longer
LIMIT_WAIT_MOST_SECONDS = 3_600
CONCURRENCY = 45033  # too many at once: over in moments, not in a minute
CONCURRENCY_WAIT_SECONDS = 5
BREAKER_WAIT_MOST_SECONDS = 120

# KEYS breaker, closed, bucket · ARGV probe ms, then (burst, calls per ms) for each limit
ADMIT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local closed = redis.call('PTTL', KEYS[2])
if closed > 0 then return {'limited', closed} end

local limits, left, wait = (#ARGV - 1) / 2, {}, 0
for i = 1, limits do
  local burst, rate = tonumber(ARGV[i * 2]), tonumber(ARGV[i * 2 + 1])
  local most = math.max(burst, 1)
  local state = redis.call('HMGET', KEYS[3], 'left' .. i, 'at' .. i)
  left[i] = most
  if state[1] then
    local gone = math.max(now - tonumber(state[2]), 0)
    left[i] = math.min(most, tonumber(state[1]) + gone * rate)
  end
  if left[i] < 1 then wait = math.max(wait, (1 - left[i]) / rate) end
end
if wait > 0 then return {'limited', math.ceil(wait)} end

local open = tonumber(redis.call('HGET', KEYS[1], 'until') or 0)
if open > 0 then
  if now < open then return {'paused', open - now} end
  local probe = tonumber(redis.call('HGET', KEYS[1], 'probe') or 0)
  if now < probe then return {'paused', math.min(probe - now, 2000)} end
  redis.call('HSET', KEYS[1], 'probe', now + tonumber(ARGV[1]))
end

for i = 1, limits do
  redis.call('HSET', KEYS[3], 'left' .. i, tostring(left[i] - 1), 'at' .. i, now)
end
if limits > 0 then redis.call('PEXPIRE', KEYS[3], 172800000) end
return {'go', 0}
"""

# what WeCom said decides when the next one may go
# KEYS breaker, closed, bucket · ARGV lost|limited|answered, ms to wait first, ms at most,
#                                     failures in a row that open the breaker
SETTLE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local first, most = tonumber(ARGV[2]), tonumber(ARGV[3])

if ARGV[1] == 'lost' then
  local lost = redis.call('HINCRBY', KEYS[1], 'lost', 1)
  local open = tonumber(redis.call('HGET', KEYS[1], 'until') or 0)
  redis.call('PEXPIRE', KEYS[1], 3600000)
  if lost < tonumber(ARGV[4]) or now < open then return 0 end
  local times = redis.call('HINCRBY', KEYS[1], 'openings', 1)
  local wait = math.min(first * 2 ^ (times - 1), most)
  redis.call('HSET', KEYS[1], 'until', now + wait)
  redis.call('HDEL', KEYS[1], 'probe')
  return wait
end

redis.call('DEL', KEYS[1])
local closed = redis.call('PTTL', KEYS[2])
if ARGV[1] == 'answered' then
  if closed <= 0 then redis.call('HDEL', KEYS[3], 'strikes') end
  return 0
end
-- several workers are told at once: that is one closing
if closed > 0 then return closed end
local strikes = redis.call('HINCRBY', KEYS[3], 'strikes', 1)
local wait = math.min(first * 2 ^ (strikes - 1), most)
redis.call('SET', KEYS[2], '1', 'PX', math.floor(wait))
-- afterwards calls come evenly, not all at once
redis.call('HSET', KEYS[3], 'left1', '0', 'at1', now + wait)
redis.call('PEXPIRE', KEYS[3], 172800000)
return wait
"""


class Governor:
    """One corp's buckets and breaker."""

    def __init__(self, redis: Redis, corp_id: str) -> None:
        self.redis = redis
        self.corp_id = corp_id
        self._admit = redis.register_script(ADMIT)
        self._settle = redis.register_script(SETTLE)

    def _keys(self, path: str) -> list[str]:
        corp = f"wecom:governor:{self.corp_id}"
        return [f"{corp}:breaker", f"{corp}:closed:{path}", f"{corp}:bucket:{path}"]

    def admit(self, path: str) -> None:
        """Take a place for one call. Raises RateLimited or Paused: nothing was called."""
        args: list[Any] = [PROBE_MS]
        for limit in limits_of(path):
            args += [limit.burst, limit.per_second / 1_000]
        verdict, wait_ms = self._admit(keys=self._keys(path), args=args)
        seconds = max(math.ceil(wait_ms / 1_000), 1)
        if verdict == b"limited":
            raise RateLimited(f"{path}: waits for its turn", retry_after=seconds)
        if verdict == b"paused":
            raise Paused(f"{path}: breaker open", retry_after=seconds)

    def answered(self, path: str) -> None:
        """WeCom answered, whatever it said: it is there."""
        self._settle(keys=self._keys(path), args=["answered", 0, 0, 0])

    def lost(self, path: str) -> None:
        """No answer. After several in a row everybody waits, then one asks, then all."""
        self._settle(
            keys=self._keys(path),
            args=[
                "lost",
                settings.WECOM_BREAKER_SECONDS * 1_000,
                BREAKER_WAIT_MOST_SECONDS * 1_000,
                settings.WECOM_BREAKER_AFTER,
            ],
        )

    def limited(self, path: str, *, errcode: int | None, asked: int | None = None) -> int:
        """WeCom asked to slow down: close the API for every worker. Seconds until it opens."""
        usual = settings.WECOM_LIMIT_WAIT_SECONDS
        if errcode == CONCURRENCY:
            usual = min(usual, CONCURRENCY_WAIT_SECONDS)
        wait_ms = self._settle(
            keys=self._keys(path),
            args=["limited", (asked or usual) * 1_000, LIMIT_WAIT_MOST_SECONDS * 1_000, 0],
        )
        return max(math.ceil(int(wait_ms) / 1_000), 1)

    # -- for people ---------------------------------------------------------------------------

    def paused_seconds(self) -> int:
        """For how long the breaker still holds everybody back; 0 when it is shut."""
        until: Any = self.redis.hget(self._keys("")[0], "until")
        if not until:
            return 0
        now: Any = self.redis.time()
        seconds, micros = now
        return max(math.ceil((int(float(until)) - seconds * 1_000 - micros / 1_000) / 1_000), 0)

    def closed(self, paths: list[str]) -> dict[str, int]:
        """Of these APIs those that rest after WeCom asked for it, with the seconds left."""
        pipe = self.redis.pipeline(transaction=False)
        for path in paths:
            pipe.pttl(self._keys(path)[1])
        return {
            path: math.ceil(left / 1_000)
            for path, left in zip(paths, pipe.execute(), strict=True)
            if left > 0
        }
