"""Who the corp is, where its callbacks go, what is up."""

from .. import callbacks, corps
from ..actions import ActionError
from ..config import agents_from
from ..host import Host, first
from ..world import Row
from .base import control
from .people import forget_browsers


@control("GET")
def healthz(host: Host, data: Row) -> Row:
    with host.lock:
        world = host.world
        return {
            "ok": True, "corp_id": world.corp["corp_id"], "users": len(world.users),
            "customers": len(world.customers), "sends": len(world.sends), "now": host.now(),
            "callbacks_pending": host.sender.pending(),
        }  # fmt: skip


@control("POST")
def reset(host: Host, data: Row) -> Row:
    """Back to how this process was started, with one corp; `keep_settings` leaves corps and
    callbacks alone."""
    keep = bool(data.get("keep_settings"))
    if host is first() and not keep:
        corps.forget()
    host.reset(keep_settings=keep)
    forget_browsers()
    return {"ok": True}


@control("GET", "POST")
def corp(host: Host, data: Row) -> Row:
    """Who the corp is; GET shows it without secrets."""
    with host.transaction() as world:
        if data:
            known = world.corp
            agents = agents_from(data["agents"]) if "agents" in data else known["agents"]
            names = ("corp_id", "name", "contact_secret", "sidebar_url")
            fields = {name: data.get(name, known.get(name, "")) for name in names}
            host.commit("corp", corp={**fields, "agents": agents})
        shown = {k: v for k, v in world.corp.items() if k not in ("contact_secret", "agents")}
        shown["agents"] = [
            {name: value for name, value in agent.items() if name != "secret"}
            for agent in world.corp["agents"].values()
        ]
        return shown


@control("POST")
def edit_agent(host: Host, data: Row) -> Row:
    """What an administrator changes of one app: {agentid, disabled?, forbidden?, …}, the rest
    stays. Switched on again (`disabled: false`) it counts as used."""
    ident = str(data["agentid"])
    with host.transaction() as world:
        agents = world.corp["agents"]
        if ident not in agents:
            raise ActionError("No such app.")
        unknown = set(data) - set(agents_from([{"agentid": ident, "secret": ""}])[ident])
        if unknown:
            raise ActionError(f"Unknown: {', '.join(sorted(unknown))}.")
        changed = agents_from([{**agents[ident], **data}])
        host.commit("corp", corp={**world.corp, "agents": {**agents, **changed}})
        if data.get("disabled") is False:
            host.commit("app_used", app=ident)
        return {name: value for name, value in changed[ident].items() if name != "secret"}


@control("GET", "POST")
def all_corps(host: Host, data: Row) -> list[Row]:
    """Every corp of this process; posted, one more beside the first: {corp_id, name, agents,
    contact_secret, sidebar_url}."""
    if "agents" in data:
        corps.put(data)
    return [{name: each.world.corp[name] for name in ("corp_id", "name")} for each in corps.every()]


@control("POST")
def callback_config(host: Host, data: Row) -> Row:
    """Save where callbacks go, after the URL check. Replaces what was there unless `add` is set."""
    target: Row = {name: str(data[name]) for name in ("url", "token", "aes_key")}
    if data.get("agentid"):
        target["agentid"] = str(data["agentid"])
    if data.get("contacts"):  # an address of contact sync: `change_contact` and nothing else
        target["contacts"] = True
    if data.get("check", True):
        with host.lock:
            corp_id, now = host.world.corp["corp_id"], int(host.now())
        wrong = callbacks.check_url(target, corp_id, now=now)
        if wrong:
            raise ActionError(f"URL check failed: {wrong}.")
    with host.transaction() as world:
        kept = world.callback_targets if data.get("add") else []
        others = [row for row in kept if row["url"] != target["url"]]
        host.commit("callback_targets", targets=[*others, target])
        return {"ok": True, "targets": [row["url"] for row in world.callback_targets]}
