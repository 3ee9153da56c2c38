"""What happens by itself as the host's time goes on: put a function into `TICKS`."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .host import Host

log = logging.getLogger(__name__)

TICKS: list[Callable[["Host"], None]] = []
EVERY_S = 1.0


def tick(function: Callable[["Host"], None]) -> Callable[["Host"], None]:
    """Run with the lock held, at most once a second of the host's time and when time is moved."""
    TICKS.append(function)
    return function


class Ticker:
    """Remembers when it last ran; time moved back runs it too."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self._last = 0.0

    def run(self, *, now: bool = False) -> None:
        at = self.host.now()
        if not now and 0 <= at - self._last < EVERY_S:
            return
        self._last = at
        with self.host.transaction():
            for function in TICKS:
                try:
                    function(self.host)
                except Exception:
                    log.exception("A tick went wrong")
