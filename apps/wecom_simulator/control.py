"""`/sim/…`: play people and make things go wrong. JSON in and out, loopback only."""

import ipaddress
import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlparse

import requests
from django.http import HttpRequest, HttpResponse, JsonResponse

from . import actions, callbacks, group_actions, jssdk
from .actions import ActionError
from .config import agents_from
from .host import Fault, Host, current
from .world import Row

Answer = Callable[[Host, Row], Any]
View = Callable[..., HttpResponse]
MOST_HOPS = 15
PHONE_BROWSER = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49 Language/zh_CN"
)


def is_loopback(request: HttpRequest) -> bool:
    return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "0.0.0.0")).is_loopback  # noqa: S104


def json_answer(data: Any, *, status: int = 200) -> JsonResponse:
    return JsonResponse(data, status=status, safe=False, json_dumps_params={"ensure_ascii": False})


def control(*methods: str) -> Callable[[Callable[..., Any]], View]:
    """A control endpoint: JSON in and out, refusals as 400 with a sentence."""

    def decorate(function: Callable[..., Any]) -> View:
        @wraps(function)
        def view(request: HttpRequest, **kwargs: str) -> HttpResponse:
            if not is_loopback(request):
                return json_answer({"error": "Only from this machine."}, status=403)
            if request.method not in methods:
                return json_answer({"error": f"Use {' or '.join(methods)}."}, status=405)
            try:
                data = json.loads(request.body) if request.body else {}
                if request.method == "GET":
                    data = {name: request.GET[name] for name in request.GET}
                return json_answer(function(current(), data, **kwargs))
            except (ActionError, ValueError, KeyError, TypeError) as error:
                said = str(error) if isinstance(error, ActionError) else f"Bad request: {error!r}"
                return json_answer({"error": said}, status=400)

        return view

    return decorate


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
    """Back to how this process was started; `keep_settings` leaves corp and callbacks alone."""
    host.reset(keep_settings=bool(data.get("keep_settings")))
    _browsers.clear()
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
def callback_config(host: Host, data: Row) -> Row:
    """Save where callbacks go, after the URL check. Replaces what was there unless `add` is set."""
    target = {name: str(data[name]) for name in ("url", "token", "aes_key")}
    if data.get("agentid"):
        target["agentid"] = str(data["agentid"])
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


def action(function: Answer) -> View:
    """A control endpoint that is one action."""
    return control("POST")(function)


seed = action(actions.seed)
add_guide = action(actions.add_guide)
end_follow = action(actions.end_follow)
edit_follow = action(actions.edit_follow)
confirm_send = action(actions.confirm_send)
ignore_send = action(actions.ignore_send)
click_card = action(actions.click_card)
publish_moment = action(actions.publish_moment)
create_group = action(group_actions.create_group)
join_group = action(group_actions.join_group)
leave_group = action(group_actions.leave_group)
edit_group = action(group_actions.edit_group)
dismiss_group = action(group_actions.dismiss_group)


@control("GET")
def groups(host: Host, data: Row) -> Row:
    """Living groups with their people; of one member with `userid`."""
    with host.lock:
        return {"groups": group_actions.group_rows(host.world, str(data.get("userid", "")))}


@control("POST")
def behavior(host: Host, data: Row) -> Row:
    """Figures of a member's day beside what is counted: {userid, day, chat_cnt, …}."""
    return actions.tell_behavior(host, data)


@control("POST")
def say(host: Host, data: Row) -> Row:
    """A person types in a chat: {userid, external_userid, from: customer|guide, text}."""
    return actions.chat_message(host, data, via="typed")


@control("GET")
def sends(host: Host, data: Row) -> Any:
    with host.lock:
        return {"sends": actions.sends_of(host.world, data.get("userid") or None)}


_browsers: dict[str, requests.Session] = {}


@control("POST")
def tap_link(host: Host, data: Row) -> Row:
    """Open a link as the customer's browser does: through our OAuth, with its own cookies."""
    with host.lock:
        ident = actions.require_customer(host.world, data.get("external_userid"))["external_userid"]
    url = str(data.get("url", ""))
    if urlparse(url).scheme not in ("http", "https"):
        raise ActionError("The link needs http or https.")
    browser = _browsers.setdefault(ident, requests.Session())
    browser.max_redirects = MOST_HOPS
    browser.headers["User-Agent"] = PHONE_BROWSER
    browser.headers["Accept-Language"] = "zh-CN,zh;q=0.9"
    own = urlparse(host.own_url).hostname or "127.0.0.1"
    browser.cookies.set("sim_as", f"customer:{ident}", domain=own, path="/")
    try:
        answer = browser.get(url, timeout=15)
    except requests.RequestException as error:
        raise ActionError(f"The link did not open: {type(error).__name__}.") from error
    hops = [{"url": hop.url, "status": hop.status_code} for hop in answer.history]
    return {"final_url": answer.url, "status": answer.status_code, "hops": hops}


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


@control("GET", "POST")
def clock(host: Host, data: Row) -> Row:
    """Move the host's time: {advance_s} | {now: epoch seconds or ISO} | {reset: true}."""
    with host.transaction() as world:
        if data:
            real = host.now() - world.clock_offset
            host.commit("clock", offset=_offset(world.clock_offset, real, data))
        return {"now": host.now(), "offset_s": world.clock_offset}


def _offset(current_offset: float, real: float, data: Row) -> float:
    if data.get("reset"):
        return 0.0
    if "advance_s" in data:
        return current_offset + float(data["advance_s"])
    wanted = data["now"]
    if isinstance(wanted, str):
        moment = datetime.fromisoformat(wanted)
        wanted = (moment if moment.tzinfo else moment.replace(tzinfo=actions.CHINA)).timestamp()
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


@control("GET")
def guide_phone(host: Host, data: Row, userid: str) -> Row:
    with host.lock:
        return actions.guide_phone(host.world, userid)


@control("GET")
def customer_phone(host: Host, data: Row, external_userid: str) -> Row:
    with host.lock:
        return actions.customer_phone(host.world, external_userid)


@control("GET")
def guides(host: Host, data: Row) -> Row:
    query = str(data.get("q", ""))
    with host.lock:
        users = [u for u in host.world.users.values() if query in u["name"] or query in u["userid"]]
        return {"guides": users[: int(data.get("limit", 1000))]}


@control("GET")
def customers(host: Host, data: Row) -> Row:
    query = str(data.get("q", ""))
    with host.lock:
        world = host.world
        rows = [
            {**row, "follows": list(world.follows.get(ident, {}).values())}
            for ident, row in world.customers.items()
            if query in row["name"] or query in ident
        ]
        return {"customers": rows[: int(data.get("limit", 100))], "total": len(rows)}


@control("GET", "POST")
def sms(host: Host, data: Row) -> Row:
    """An operator's gateway: takes {phone, text, key}, once per key; GET lists what phones got."""
    with host.transaction() as world:
        if data.get("text"):
            host.commit(
                "sms", key=str(data["key"]), phone=str(data["phone"]), text=str(data["text"])
            )
            return {"id": str(data["key"])}
        return {"sms": actions.sms_of(world, str(data.get("phone", "")))}


@control("POST")
def jssdk_verify(host: Host, data: Row) -> Row:
    return jssdk.verify(host, data)


@control("POST")
def jssdk_send(host: Host, data: Row) -> Row:
    """The sidebar puts a message into the chat."""
    return actions.chat_message(host, jssdk.as_chat_message(data), via="sidebar")
