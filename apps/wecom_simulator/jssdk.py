"""The server half of the JS-SDK stand-in: are the page's signatures good, and who is asking?"""

from urllib.parse import urlparse

from . import crypto
from .actions import ActionError
from .host import Host
from .world import Row

BAD_SIGNATURE, DEAD_TICKET, UNPROVEN = 40093, 42012, 85005


def trusted(agent: Row, url: str) -> bool:
    """The page's domain, port included, must be the app's trusted domain once one is set."""
    domain = agent.get("trusted_domain") or ""
    return not domain or urlparse(url).netloc == domain


def verify(host: Host, data: Row) -> Row:
    """Check `config` or `agentConfig` against the tickets given out: one that is over or revoked
    answers 42012, none at all 40093."""
    kind = {"config": "config", "agentConfig": "agent_config"}.get(str(data.get("kind")))
    if kind is None:
        raise ActionError("kind must be config or agentConfig.")
    with host.lock:
        corp, now = host.world.corp, host.now()
        tickets = {
            ticket: row["expires_at"] > now and not row.get("dead")
            for ticket, row in host.world.tickets.items()
            if row["kind"] == kind and (kind == "config" or row["app"] == str(data.get("agentId")))
        }
    if data.get("corpId") != corp["corp_id"]:
        return {"ok": False, "errcode": 40013, "reason": "corpId is not this corp"}
    url = str(data.get("url", ""))
    agents = corp["agents"].values()
    if not any(trusted(agent, url) for agent in agents):
        return {"ok": False, "errcode": 50001, "reason": "the page is not on the trusted domain"}
    if not any(trusted(agent, url) and not agent.get("domain_unproven") for agent in agents):
        return {"ok": False, "errcode": UNPROVEN, "reason": "nobody has proven the domain"}
    given = [str(data.get(name, "")) for name in ("nonceStr", "timestamp")]
    alive = [
        is_alive
        for ticket, is_alive in tickets.items()
        if crypto.jssdk_signature(ticket, given[0], given[1], url) == data.get("signature")
    ]
    if not alive:
        reason = "bad signature" if tickets else "no valid ticket was asked for"
        return {"ok": False, "errcode": BAD_SIGNATURE, "reason": reason}
    if not any(alive):
        return {"ok": False, "errcode": DEAD_TICKET, "reason": "jsapi_ticket unusable"}
    return {"ok": True, "errcode": 0}


def as_chat_message(data: Row) -> Row:
    """`sendChatMessage` parameters as a chat message."""
    kind = data.get("msgtype")
    message: Row = {name: data.get(name) for name in ("userid", "external_userid")}
    inner = data.get(str(kind)) if isinstance(data.get(str(kind)), dict) else None
    if inner is None:
        raise ActionError("The message has no content under its msgtype.")
    if kind == "text":
        return {**message, "text": inner.get("content", "")}
    if kind == "news":
        link = {"title": inner.get("title"), "desc": inner.get("desc"), "url": inner.get("link")}
        return {**message, "attachments": [{"msgtype": "link", "link": link}]}
    if "mediaid" in inner:  # the one name that the phone's calls spell differently
        inner = {**inner, "media_id": inner["mediaid"]}
    return {**message, "attachments": [{"msgtype": kind, str(kind): inner}]}
