"""The one door of `/cgi-bin/`: faults, token, rights, rate, handler, log."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from . import rights
from .endpoints import ENDPOINTS, Call
from .endpoints.base import Endpoint, Needs
from .errors import ApiError, error_text
from .host import Fault, Host, current
from .world import Row

SECRET_QUERY = {"access_token", "corpsecret", "debug"}
UNKNOWN_ENDPOINT = 404
OWN_LIMITS = {
    "externalcontact/add_moment_task": ((10, 60),),
    "get_jsapi_ticket": ((400, 3600),),
    "media/uploadimg": ((100, 86400),),
}
LOGGED_ITEMS = 20
# all of them change the one list of tags
TAG_EDITS = tuple(f"externalcontact/{verb}_corp_tag" for verb in ("add", "edit", "del"))


def api(request: HttpRequest, path: str) -> HttpResponseBase:
    """Answer one call as WeCom would, or as the next fault says."""
    host = current()
    call = _read(host, request, path)
    fault = host.take_fault(path)
    broken = fault if fault and _breaks(fault) else None
    with _in_flight(host, path) as together:
        if fault and not fault.after_effect:
            time.sleep(fault.delay_ms / 1000)
        if broken and not broken.after_effect:
            _log(call, request, answered=_fault_name(broken), effect=None)
            return _broken_answer(request, call, broken)
        host.ticker.run()
        with host.transaction():
            answer, errcode = _answer(call, together)
            _log(call, request, answered=_fault_name(broken) if broken else errcode,
                 effect=call.effect, reply_lost=broken is not None)  # fmt: skip
    if fault and fault.after_effect:
        time.sleep(fault.delay_ms / 1000)
    if broken:
        return _broken_answer(request, call, broken)
    return _response(request, call, answer, errcode)


def _read(host: Host, request: HttpRequest, path: str) -> Call:
    query = {name: request.GET[name] for name in request.GET}
    body: Any = {}
    files: dict[str, Any] = {}
    if request.method == "POST" and request.content_type == "multipart/form-data":
        files = {name: request.FILES[name] for name in request.FILES}
    elif request.method == "POST" and request.body:
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
    return Call(host=host, path=path, query=query, body=body, now=host.now(), files=files,
                ip=request.META.get("REMOTE_ADDR", "127.0.0.1"))  # fmt: skip


@contextmanager
def _in_flight(host: Host, path: str) -> Iterator[int]:
    """How many calls of one API are on their way, this one included."""
    with host.lock:
        host.flying[path] += 1
        together = host.flying[path]
    try:
        yield together
    finally:
        with host.lock:
            host.flying[path] -= 1


def _answer(call: Call, together: int) -> tuple[Row, int]:
    try:
        spec = ENDPOINTS.get(call.path)
        if spec is None:
            raise ApiError(UNKNOWN_ENDPOINT)
        _admit(call, spec)
        _check_load(call, spec, together)
        if not isinstance(call.body, dict):
            raise ApiError(40058)
        return spec.handler(call), 0
    except ApiError as error:
        return error.extra, error.errcode


def _check_load(call: Call, spec: Endpoint, together: int) -> None:
    """What else is on its way: too much for the host, too many reads, another edit of the tags."""
    flying, switches = call.host.flying, call.world.switches
    if switches["calls_at_once"] is not None and flying.total() > switches["calls_at_once"]:
        raise ApiError(-1)
    most = switches["concurrent_reads"]
    if most is not None and not spec.writes and together > most:
        raise ApiError(45033)
    if call.path in TAG_EDITS and sum(flying[path] for path in TAG_EDITS) > 1:
        raise ApiError(6000)


def _admit(call: Call, spec: Endpoint) -> None:
    """Token first, then what it may do, then how often."""
    if spec.needs is not Needs.NOTHING:
        call.token = call.query.get("access_token", "")
        call.app = _app_of_token(call)
        _check_address(call)
        rights.check(call, spec)
    if call.query.get("debug") == "1" and call.host.over_rate("debug", limit=5, window_s=60):
        raise ApiError(45009)
    _limit(call)


def _check_address(call: Call) -> None:
    """企业可信IP: an app with a list is called from there only."""
    trusted = call.agent.get("trusted_ips")
    if trusted is not None and call.ip not in trusted:
        raise ApiError(60020)


def _limit(call: Call) -> None:
    """Per corp and API: a minute, and fifteen times that an hour; some have their own."""
    most = call.world.switches["calls_per_minute"]
    windows = [(most, 60), (most * 15, 3600), *OWN_LIMITS.get(call.path, ())]
    for limit, window in windows:
        if call.host.over_rate(f"{call.path}:{limit}", limit=limit, window_s=window):
            raise ApiError(45009)


def _app_of_token(call: Call) -> str:
    if not call.token:
        raise ApiError(41001)
    row = call.world.tokens.get(call.token)
    if row is None:
        raise ApiError(40014)
    if row["dead"]:
        raise ApiError(row["dead"])
    if row["expires_at"] <= call.now:
        raise ApiError(42001)
    app: str = row["app"]
    if app != "contacts" and app not in call.world.corp["agents"]:
        raise ApiError(40014)
    return app


def _response(request: HttpRequest, call: Call, answer: Row, errcode: int) -> HttpResponseBase:
    if "file" in answer and not errcode:
        return FileResponse(open(answer["file"], "rb"), filename=answer["name"])
    ip = request.META.get("REMOTE_ADDR", "127.0.0.1")
    errmsg = error_text(errcode, at=call.now, ip=ip) if errcode else "ok"
    response = JsonResponse(
        {"errcode": errcode, "errmsg": errmsg, **answer}, json_dumps_params={"ensure_ascii": False}
    )
    if errcode == UNKNOWN_ENDPOINT:
        response.status_code = 404
    response["error-code"] = str(errcode)
    response["error-msg"] = errmsg
    return response


def _breaks(fault: Fault) -> bool:
    return bool(fault.drop_connection or fault.errcode is not None or fault.http_status)


def _fault_name(fault: Fault) -> int | str:
    if fault.drop_connection:
        return "dropped"
    return fault.errcode if fault.errcode is not None else f"http {fault.http_status}"


def _broken_answer(request: HttpRequest, call: Call, fault: Fault) -> HttpResponseBase:
    if fault.drop_connection:
        drop: Callable[[], None] | None = request.META.get("sim.drop_connection")
        if drop is not None:
            drop()
        return HttpResponse(status=502)
    if fault.errcode is not None:
        return _response(request, call, {}, fault.errcode)
    return HttpResponse("Service Unavailable", status=fault.http_status or 500)


def _log(
    call: Call,
    request: HttpRequest,
    *,
    answered: int | str,
    effect: Row | None,
    reply_lost: bool = False,
) -> None:
    """Remember the call, without token and secret; the judge of every crash test reads this."""
    query = {name: value for name, value in call.query.items() if name not in SECRET_QUERY}
    with call.host.transaction():
        call.host.commit("call", call={
            "seq": call.host.next_seq(), "at": round(call.now, 3), "path": call.path,
            "method": request.method, "query": query, "body": _logged_body(call),
            "app": call.app, "errcode": answered, "effect": effect, "reply_lost": reply_lost,
        })  # fmt: skip


def _logged_body(call: Call) -> Any:
    if call.files:
        return {
            name: {"filename": item.name, "size": item.size} for name, item in call.files.items()
        }
    spec = ENDPOINTS.get(call.path)
    if spec is None or spec.writes or not isinstance(call.body, dict):
        return call.body
    return {name: _cut(value) for name, value in call.body.items()}


def _cut(value: Any) -> Any:
    """Long lists a read asked for would fill the log of a big sync."""
    if isinstance(value, list) and len(value) > LOGGED_ITEMS:
        return [*value[:LOGGED_ITEMS], f"… {len(value)}"]
    return value
