"""Time, switches, and the state as a whole."""

from datetime import datetime

from ..actions import CHINA, ActionError
from ..host import Host
from ..world import Row
from .base import control


@control("GET", "POST")
def clock(host: Host, data: Row) -> Row:
    """Move the host's time: {advance_s} | {now: epoch seconds or ISO} | {reset: true}."""
    with host.transaction() as world:
        if data:
            real = host.now() - world.clock_offset
            host.commit("clock", offset=_offset(world.clock_offset, real, data))
            host.ticker.run(now=True)
        return {"now": host.now(), "offset_s": world.clock_offset}


def _offset(current_offset: float, real: float, data: Row) -> float:
    if data.get("reset"):
        return 0.0
    if "advance_s" in data:
        return current_offset + float(data["advance_s"])
    wanted = data["now"]
    if isinstance(wanted, str):
        moment = datetime.fromisoformat(wanted)
        wanted = (moment if moment.tzinfo else moment.replace(tzinfo=CHINA)).timestamp()
    return float(wanted) - real


@control("GET", "POST")
def switches(host: Host, data: Row) -> Row:
    with host.transaction() as world:
        unknown = set(data) - set(world.switches)
        if unknown:
            raise ActionError(f"Unknown: {', '.join(sorted(unknown))}.")
        if data:
            host.commit("switches", **data)
        return world.switches
