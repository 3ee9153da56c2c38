"""What goes wrong: calls, tokens, callbacks; and the log that tells what happened."""

from ..actions import ActionError
from ..host import Fault, Host
from ..world import Row
from .base import control


@control("POST")
def callback_faults(host: Host, data: Row) -> Row:
    """What goes wrong with the next callbacks; `delay_ms` holds for the next `delay` (1)."""
    wanted: Row = {
        name: int(data[name]) for name in ("drop", "duplicate", "reorder") if name in data
    }
    if "delay_ms" in data:
        wanted["delay_ms"] = int(data["delay_ms"])
        wanted["delay"] = int(data.get("delay", 1))
    host.sender.set_faults(wanted)
    return {"faults": host.sender.faults}


@control("POST")
def callback_flush(host: Host, data: Row) -> Row:
    """Let held callbacks go and wait until all are sent (`timeout_s`, 10)."""
    return {"pending": host.sender.flush(float(data.get("timeout_s", 10)))}


@control("GET")
def callback_log(host: Host, data: Row) -> Row:
    with host.lock:
        deliveries = list(host.world.deliveries)
    return {"deliveries": deliveries, "pending": host.sender.pending()}


@control("POST")
def faults(host: Host, data: Row) -> Row:
    """Break the next `times` calls of `path`: errcode, http_status, drop_connection, delay_ms."""
    known = Fault.__dataclass_fields__
    if set(data) - set(known):
        raise ActionError(f"Unknown: {', '.join(sorted(set(data) - set(known)))}.")
    fault = Fault(**{**data, "path": str(data.get("path", "*")).removeprefix("/cgi-bin/")})
    with host.lock:
        host.faults.append(fault)
        return {"faults": [vars(row) for row in host.faults if row.times > 0]}


@control("POST")
def clear_faults(host: Host, data: Row) -> Row:
    with host.lock:
        host.faults = []
    return {"faults": []}


@control("POST")
def expire_tokens(host: Host, data: Row) -> Row:
    """Every token given out so far answers 42001 (or 40014) from now on."""
    errcode = int(data.get("errcode", 42001))
    with host.transaction() as world:
        host.commit("tokens_killed", errcode=errcode)
        return {"expired": len(world.tokens), "errcode": errcode}


@control("GET")
def calls(host: Host, data: Row) -> Row:
    """Calls received after `since`, of one path if asked; the newest `limit` if asked."""
    since = int(data.get("since", 0))
    path = str(data.get("path", "")).removeprefix("/cgi-bin/")
    with host.lock:
        # seq counts from 1 without gaps, so it is also the place in the list
        rows = [row for row in host.world.calls[since:] if path in ("", row["path"])]
    last = rows[-1]["seq"] if rows else since
    return {"calls": rows[-int(data["limit"]) :] if "limit" in data else rows, "last": last}
