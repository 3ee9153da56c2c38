"""The running host: world, clock, lock, journal, faults and callback sender."""

import random
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .callbacks import CallbackSender, receives
from .journal import Journal
from .ticks import Ticker
from .visible import Visible
from .world import Row, World

COMPACT_ABOVE = 64 * 1024 * 1024


@dataclass
class Fault:
    """What goes wrong with the next `times` calls of a path (`*` = any, `x/*` = all below x), or
    with a `share` of them (0 to 1) until `times` have been hit or it is cleared."""

    path: str
    times: int = 1
    errcode: int | None = None
    http_status: int | None = None
    drop_connection: bool = False
    delay_ms: int = 0
    after_effect: bool = False
    share: float = 1.0

    def hits(self, path: str) -> bool:
        return self.times > 0 and covers(self.path, path)


def covers(pattern: str, path: str) -> bool:
    """`x/y` itself, `x/*` all below x, `*` any."""
    return pattern == path or (pattern.endswith("*") and path.startswith(pattern[:-1]))


class Host:
    """All of it, guarded by one lock. Changes go through `commit` inside `transaction()`."""

    def __init__(
        self, state_dir: Path, *, product_url: str, own_url: str, seed: int | str | None = None
    ) -> None:
        self.lock = threading.RLock()
        self.state_dir = state_dir
        self.product_url = product_url.rstrip("/")
        self.own_url = own_url.rstrip("/")
        self.journal = Journal(state_dir)
        self.world = self._replay()
        if self.journal.size() > COMPACT_ABOVE:
            self.journal.start_over(self.world.dump())
        self.seed = seed
        self.faults: list[Fault] = []
        self.rates: dict[tuple[str, int], int] = defaultdict(int)
        self._start: list[Any] = [{}, []]
        self._depth = 0
        self._pending: list[Row] = []
        self._new_events: list[Row] = []
        self.visible = Visible(self)
        self.ticker = Ticker(self)
        self.flying: Counter[str] = Counter()
        self.choices: dict[str, list[str]] = {}  # whom a member picks next, see js_calls
        self.chosen: dict[str, set[str]] = {}  # and whom they picked before
        self.selections: dict[str, list[str]] = {}  # colleagues behind a ticket, see js_members
        self.worlds = 0  # how often another world took the place of the first
        self.sender = CallbackSender(self)
        self.start_chance()

    def start_chance(self) -> None:
        """Everything left to chance follows the seed, if there is one, and the history so far."""
        history = f"{self.journal.generation}:{self.journal.size()}"
        seeded = None if self.seed is None else f"{self.seed}:{history}"
        self.chance = random.Random(seeded)
        _ids[:] = [] if self.seed is None else [self.chance]

    def _replay(self) -> World:
        snapshot = self.journal.snapshot()
        known = {item.name for item in fields(World)}
        world = World(**{key: value for key, value in (snapshot or {}).items() if key in known})
        for record in self.journal.records():
            world.apply(record["op"], record["at"], record["a"])
        return world

    def now(self) -> float:
        return time.time() + self.world.clock_offset

    @contextmanager
    def transaction(self) -> Iterator[World]:
        """One change: what was committed inside is written in one piece before this returns."""
        with self.lock:
            self._depth += 1
            try:
                yield self.world
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._flush()

    def _flush(self) -> None:
        if self._pending:
            self.journal.write(self._pending)
            self._pending = []
        for event in self._new_events:
            self.sender.put(event)
        self._new_events = []

    def commit(self, op: str, **args: Any) -> None:
        """Change the world and remember the change. Only inside `transaction()`."""
        if self._depth == 0:
            raise RuntimeError("commit needs a transaction")
        at = round(self.now(), 3)
        self._pending.append({"op": op, "at": at, "a": _copy(args)})
        self.world.apply(op, at, args)

    def queue_event(self, fields: Row) -> str | None:
        """Leave one callback to be sent in the background; None when nobody listens."""
        if not any(receives(target, fields) for target in self.world.callback_targets):
            return None
        event: Row = {"id": new_id("ev"), "created": int(self.now()), "fields": fields}
        self.commit("event", event=event)
        self._new_events.append(event)
        return str(event["id"])

    def next_seq(self) -> int:
        return self.world.calls[-1]["seq"] + 1 if self.world.calls else 1

    def take_fault(self, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.hits(path) and (fault.share >= 1 or self.chance.random() < fault.share):
                    fault.times -= 1
                    return fault
        return None

    def over_rate(self, key: str, *, limit: int, window_s: int) -> bool:
        """Count one use in the current window; True when it is over the limit."""
        slot = (f"{key}/{window_s}", int(self.now() // window_s))
        with self.lock:
            if len(self.rates) > 10_000:
                self.rates.clear()
            self.rates[slot] += 1
            return self.rates[slot] > limit

    def used(self, key: str, *, window_s: int) -> int:
        """Uses counted in the current window."""
        with self.lock:
            return self.rates.get((f"{key}/{window_s}", int(self.now() // window_s)), 0)

    def remember_start(self) -> None:
        """What `reset` goes back to."""
        self._start = _copy([self.world.corp, self.world.callback_targets])

    def reset(self, *, keep_settings: bool) -> None:
        """Forget people, messages, tokens, logs, faults and moved time."""
        with self.lock:
            fresh = World()
            now: list[Any] = [self.world.corp, self.world.callback_targets]
            fresh.corp, fresh.callback_targets = now if keep_settings else _copy(self._start)
            self.sender.clear()
            self.faults = []
            self.rates.clear()
            self.choices, self.chosen, self.selections = {}, {}, {}
            self.world = fresh
            self.journal.start_over(fresh.dump())
            self.start_chance()
            self.worlds += 1

    def replace(self, state: Row, *, offset: float | None = None) -> None:
        """Another world takes the place of this one; what it had not delivered is sent now."""
        known = {item.name for item in fields(World)}
        with self.lock:
            world = World(**{name: value for name, value in state.items() if name in known})
            world.clock_offset = world.clock_offset if offset is None else offset
            self.sender.clear()
            self.faults = []
            self.rates.clear()
            self.choices, self.chosen, self.selections = {}, {}, {}
            self.world = world
            self.journal.start_over(world.dump())
            self.start_chance()
            self.worlds += 1
            for event in list(world.events.values()):
                self.sender.put(event)

    def close(self) -> None:
        self.sender.stop()
        self.journal.close()


def _copy(value: Any) -> Any:
    """The record must hold what was said, not what the world later makes of the same object."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return value


_ids: list[random.Random] = []


def new_id(prefix: str, size: int = 12) -> str:
    """A fresh id; the same ones in the same order when the host has a seed."""
    if _ids:
        return prefix + _ids[0].randbytes(size).hex()
    return prefix + secrets.token_hex(size)


_running: list[Host] = []
_asked: ContextVar[Host | None] = ContextVar("asked", default=None)


def install(host: Host) -> None:
    """Make this the host the views talk to, unless a request is for another corp."""
    _running[:] = [host]


def join(host: Host) -> None:
    """One more corp in this process."""
    _running.append(host)


def part(host: Host) -> None:
    """A corp is no more in this process."""
    _running.remove(host)


def first() -> Host:
    """The host of the corp this process was started for."""
    return _running[0]


def others() -> list[Host]:
    """The hosts of the corps that came after."""
    return _running[1:]


@contextmanager
def speaking_for(host: Host) -> Iterator[None]:
    """What happens inside happens in this host's corp."""
    mark = _asked.set(host)
    try:
        yield
    finally:
        _asked.reset(mark)


def current() -> Host:
    """The host whose corp is asked."""
    return _asked.get() or first()
