"""Several corps in one process: each is a host of its own, and every request belongs to one.

The API names its corp by id or token, sign-in pages by `appid`, control and pages by `?corp=`. A
browser keeps the corp of the phone it is: the same name in another corp is somebody else.
"""

import re
import shutil
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .actions import ActionError
from .config import agents_from
from .host import Host, first, join, others, part, speaking_for
from .world import Row

COOKIE = "sim_corp"
FOLDER = "corps"
Next = Callable[[HttpRequest], HttpResponseBase]


def every() -> list[Host]:
    return [first(), *others()]


def of_id(corp_id: str) -> Host | None:
    return next((host for host in every() if host.world.corp["corp_id"] == corp_id), None)


def home_of(request: HttpRequest) -> Host:
    """Whose phone this browser is."""
    return of_id(request.COOKIES.get(COOKIE, "")) or first()


def choose(get_response: Next) -> Next:
    """Middleware: the views of this request talk to the host of its corp."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if not others():
            return get_response(request)
        with speaking_for(_of_request(request)):
            response = get_response(request)
        corp_id = request.GET.get("corp", "")
        if corp_id and not request.path.startswith("/sim/") and of_id(corp_id):
            keep(response, corp_id)
        return response

    return answer


def keep(response: HttpResponseBase, corp_id: str) -> None:
    """This browser is a phone of that corp from now on."""
    response.set_cookie(COOKIE, corp_id, max_age=30 * 86400, samesite="Lax", httponly=True)


def _of_request(request: HttpRequest) -> Host:
    path, query = request.path, request.GET
    if path.startswith("/cgi-bin/"):
        return _of_call(query.get("access_token", ""), query.get("corpid", ""))
    if path.startswith(("/connect/", "/wwlogin/")):
        return of_id(query.get("appid", "")) or first()
    named = of_id(query.get("corp", "") or query.get("corpId", ""))
    if named is not None:
        return named
    if path.startswith("/sim/jssdk/"):  # a page on somebody's phone asks
        return home_of(request)
    if path.startswith("/sim/"):
        return first()
    return _of_code(path) or home_of(request)


def _of_call(token: str, corp_id: str) -> Host:
    if not token:
        return of_id(corp_id) or first()
    return next((host for host in every() if token in host.world.tokens), first())


def _of_code(path: str) -> Host | None:
    """A code on paper leads to the corp that made it, whoever scans."""
    if not path.startswith("/qr/"):
        return None
    ident = path.split("/")[2]
    return next((host for host in every() if ident in host.world.ways), None)


# --- coming and going ----------------------------------------------------------------------------


def put(row: Row) -> Host:
    """This corp beside the first; if it is there, it is described anew."""
    corp_id = str(row["corp_id"])
    if not re.fullmatch(r"\w{1,64}", corp_id):
        raise ActionError("A corp id is letters and digits.")
    host = of_id(corp_id)
    if host is None:
        host = _open(corp_id)
        join(host)
        host.sender.start()
    with host.transaction() as world:
        agents = agents_from(row["agents"]) if "agents" in row else world.corp.get("agents", {})
        door = f"{host.product_url}/g/sign-in/?corp={corp_id}&next=/g/sidebar/"
        given = {"name": corp_id, "contact_secret": "", "sidebar_url": door, **world.corp, **row}
        names = ("name", "contact_secret", "sidebar_url")
        fields = {"corp_id": corp_id, **{name: str(given[name]) for name in names}}
        host.commit("corp", corp={**fields, "agents": agents})
    host.remember_start()
    return host


def _open(corp_id: str) -> Host:
    lead = first()
    seed = None if lead.seed is None else f"{lead.seed}:{corp_id}"
    return Host(
        lead.state_dir / FOLDER / corp_id,
        product_url=lead.product_url,
        own_url=lead.own_url,
        seed=seed,
    )


def reopen() -> None:
    """The corps that were there when the process ended."""
    for folder in sorted((first().state_dir / FOLDER).glob("*")):
        host = _open(folder.name)
        if host.world.corp:
            host.remember_start()
            join(host)
        else:  # it ended before anybody was told that it was there
            host.close()


def forget() -> None:
    """Only the first corp is left."""
    for host in others():
        part(host)
        host.close()
        shutil.rmtree(host.state_dir, ignore_errors=True)
