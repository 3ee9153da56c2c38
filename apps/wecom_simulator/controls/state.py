"""Time, switches, and the state as a whole."""

import json
import re
from datetime import datetime
from pathlib import Path

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


def _file(host: Host, name: object) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(name)):
        raise ActionError("A name is 1 to 64 letters, digits, - or _.")
    return host.state_dir / "saved" / f"{name}.json"


def _whole(host: Host, *, log: bool) -> Row:
    """Everything but media files; the log of calls and deliveries only when asked for."""
    state = {**host.world.dump(), "saved_at": host.now()}
    return state if log else {**state, "calls": [], "deliveries": []}


@control("GET")
def state(host: Host, data: Row) -> Row:
    """The whole state as JSON, to be kept and given back to `/sim/state/load`."""
    with host.lock:
        return json.loads(json.dumps(_whole(host, log=bool(data.get("log")))))


@control("GET")
def saved(host: Host, data: Row) -> Row:
    folder = host.state_dir / "saved"
    return {"saved": sorted(path.stem for path in folder.glob("*.json"))}


@control("POST")
def save(host: Host, data: Row) -> Row:
    """Under a name in the state folder: {name, log}."""
    target = _file(host, data.get("name"))
    target.parent.mkdir(mode=0o700, exist_ok=True)
    draft = target.with_suffix(".tmp")
    with host.lock, draft.open("w") as out:
        json.dump(_whole(host, log=bool(data.get("log"))), out, ensure_ascii=False)
    draft.rename(target)
    return {"saved": target.stem, "bytes": target.stat().st_size}


@control("POST")
def load(host: Host, data: Row) -> Row:
    """Go back to a saved state: {name} or {state: …}. The clock runs on from now; with
    `time: "saved"` it is as late as it was then."""
    if "state" in data:
        found = data["state"]
    else:
        source = _file(host, data.get("name"))
        if not source.exists():
            raise ActionError(f"Nothing is saved as {data.get('name')!r}.")
        found = json.loads(source.read_text())
    if not isinstance(found, dict) or not isinstance(found.get("corp"), dict):
        raise ActionError("This is not a saved state.")
    offset = None
    if data.get("time") == "saved":
        offset = float(found["saved_at"]) - (host.now() - host.world.clock_offset)
    host.replace(found, offset=offset)
    return {"ok": True, "users": len(host.world.users), "now": host.now()}
