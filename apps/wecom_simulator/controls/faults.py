"""What goes wrong: calls, tokens, callbacks; and the log that tells what happened."""

from ..actions import ActionError
from ..callbacks import NO_FAULTS
from ..host import Fault, Host
from ..world import Row
from .base import control


@control("POST")
def callback_faults(host: Host, data: Row) -> Row:
    """What goes wrong with callbacks: counts for the next ones, `…_share` for a part of all.

    `delay_ms` without `delay_share` holds for the next `delay` (1). `senders`: how many at once.
    """
    known = {*NO_FAULTS, "senders"}
    if set(data) - known:
        raise ActionError(f"Unknown: {', '.join(sorted(set(data) - known))}.")
    wanted: Row = {
        name: float(value) if name.endswith("_share") else int(value)
        for name, value in data.items()
        if name != "senders"
    }
    if "delay_ms" in data and "delay_share" not in data:
        wanted.setdefault("delay", 1)
    host.sender.set_faults(wanted)
    senders = host.sender.set_senders(int(data["senders"])) if "senders" in data else None
    return {"faults": host.sender.faults, **({"senders": senders} if senders else {})}


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
    """Break the next `times` calls of `path`, or a `share` of them: errcode, http_status,
    drop_connection, delay_ms; `after_effect`: the work is done and only the answer is lost."""
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


@control("POST")
def expire_tickets(host: Host, data: Row) -> Row:
    """Every jsapi ticket given out so far is revoked: pages signed with one answer 42012."""
    with host.transaction() as world:
        host.commit("tickets_killed")
        return {"expired": len(world.tickets)}


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
