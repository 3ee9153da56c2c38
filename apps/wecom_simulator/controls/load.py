"""`/sim/load`: start a rush, see how far it is, stop it."""

from ..actions import ActionError
from ..host import Host
from ..load import Rush, rush_from
from ..world import Row
from .base import control

_rush: list[Rush] = []


@control("GET", "POST")
def load(host: Host, data: Row) -> Row:
    """POST {rate, seconds | total, seed, weights} starts one; {stop: true} ends it; GET asks."""
    with host.lock:
        if data.get("stop") and _rush:
            _rush[0].stop()
        elif data:
            if _rush and _rush[0].goes_on:
                raise ActionError("A rush is running; stop it first.")
            _rush[:] = [rush_from(host, data)]
            _rush[0].start()
        return _rush[0].report() if _rush else {"running": False}
