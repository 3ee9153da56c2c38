"""Sign-in pages: who holds this browser decides who comes back with a code."""

import json
from urllib.parse import parse_qsl, urlencode, urlparse, urlunparse

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from . import corps, js_calls, jssdk
from .actions import ActionError
from .endpoints.session import CODE_LIFE_S
from .host import Host, current, new_id
from .world import Row, World

COOKIE = "sim_as"
SHOWN = 60
MOST_STATE = 128


def who_is(request: HttpRequest, world: World) -> str:
    """`guide:<userid>` or `customer:<external_userid>` of this browser, if such a person exists;
    `stranger:<name>` has WeChat and no friend in the corp."""
    if corps.home_of(request).world is not world:
        return ""  # a phone of another corp; the same name there is another person
    who = request.COOKIES.get(COOKIE, "")
    kind, _, ident = who.partition(":")
    if kind == "stranger" and ident:
        return who
    people = {"guide": world.users, "customer": world.customers}.get(kind, {})
    return who if ident in people else ""


def as_person(response: HttpResponse, who: str) -> HttpResponse:
    response.set_cookie(COOKIE, who, max_age=30 * 86400, samesite="Lax", httponly=True)
    if corps.others():
        corps.keep(response, current().world.corp["corp_id"])
    return response


def authorize(request: HttpRequest) -> HttpResponse:
    """`/connect/oauth2/authorize`: straight back with a code when the phone is known."""
    host = current()
    with host.transaction() as world:
        wrong = _what_is_wrong(request, world)
        if wrong:
            return render(request, "refused.html", {"reason": wrong}, status=400)
        who = who_is(request, world)
        if who:
            return _back(host, request, who)
        return _choose(request, world, customers=True)


def qr_login(request: HttpRequest) -> HttpResponse:
    """`/wwlogin/sso/login`: a member takes their phone and scans; here, says whose phone it is."""
    host = current()
    with host.transaction() as world:
        wrong = _what_is_wrong(request, world, login=True)
        if wrong:
            return render(request, "refused.html", {"reason": wrong}, status=400)
        scanned = request.GET.get("scanned_by", "")
        if scanned in world.users:
            return _back(host, request, f"guide:{scanned}")
        return _choose(request, world, customers=False)


def _what_is_wrong(request: HttpRequest, world: World, *, login: bool = False) -> str:
    """What WeCom would put on its own error page."""
    corp, query = world.corp, request.GET
    target = urlparse(query.get("redirect_uri", ""))
    agentid = query.get("agentid", "")
    private = query.get("scope") == "snsapi_privateinfo"
    agents = corp["agents"].values() if not agentid else [corp["agents"].get(agentid)]
    if query.get("appid") != corp["corp_id"]:
        return "40013 appid 不是这个企业"
    if target.scheme not in ("http", "https") or not target.netloc:
        return "redirect_uri 不是一个网址"
    if not login and query.get("response_type") != "code":
        return "response_type 应为 code"
    if not login and query.get("scope") not in ("snsapi_base", "snsapi_privateinfo"):
        return "scope 应为 snsapi_base 或 snsapi_privateinfo"
    if None in agents or ((private or login) and not agentid):
        return "40056 agentid 缺少或不存在"
    if len(query.get("state", "").encode()) > MOST_STATE:
        return "state 超过 128 字节"
    if not any(jssdk.trusted(agent, query["redirect_uri"]) for agent in agents if agent):
        return "50001 redirect_uri 的域名与应用的可信域名不一致"
    return ""


def _back(host: Host, request: HttpRequest, who: str) -> HttpResponse:
    code = new_id("sim_code_", 20)
    host.commit(
        "code",
        code=code,
        who=who,
        scope=request.GET.get("scope", "snsapi_base"),
        expires_at=host.now() + CODE_LIFE_S,
    )
    target = urlparse(request.GET["redirect_uri"])
    query = [*parse_qsl(target.query, keep_blank_values=True), ("code", code)]
    if "state" in request.GET:
        query.append(("state", request.GET["state"]))
    return HttpResponseRedirect(urlunparse(target._replace(query=urlencode(query))))


def _choose(request: HttpRequest, world: World, *, customers: bool) -> HttpResponse:
    query = request.GET.get("q", "")
    return render(request, "choose.html", {
        "query": query,
        "keep": [(name, value) for name, value in request.GET.items() if name != "q"],
        "here": request.get_full_path(),
        "guides": find_guides(world, query, SHOWN),
        "customers": find_customers(world, query, SHOWN) if customers else [],
        "login": not customers,
    })  # fmt: skip


def find_guides(world: World, query: str, limit: int) -> list[Row]:
    rows = []
    for user in world.users.values():
        names = [
            world.departments[str(item)]["name"]
            for item in user["department"]
            if str(item) in world.departments
        ]
        row = {**user, "store": names[0] if names else ""}
        if query in f"{user['name']} {user['userid']} {row['store']}":
            rows.append(row)
    return rows[:limit]


def find_customers(world: World, query: str, limit: int) -> list[Row]:
    rows = []
    for ident, customer in world.customers.items():
        if query not in customer["name"] and query != ident:
            continue
        follows = list(world.follows.get(ident, {}))
        first = world.users.get(follows[0], {}).get("name", "") if follows else ""
        rows.append({**customer, "guide": first})
        if len(rows) >= limit:
            break
    return rows


def become(request: HttpRequest) -> HttpResponse:
    """Remember whose phone this browser is and go on within the simulator."""
    onward = request.GET.get("next", "/")
    if not onward.startswith("/") or onward.startswith("//"):
        onward = "/"
    return as_person(HttpResponseRedirect(onward), request.GET.get("as", ""))


def open_url(request: HttpRequest) -> HttpResponse:
    """A tap on a link in a phone: the browser becomes that person and opens the page."""
    url = request.GET.get("url", "")
    if urlparse(url).scheme not in ("http", "https"):
        return render(request, "refused.html", {"reason": "这个链接打不开"}, status=400)
    response = HttpResponseRedirect(url)
    return as_person(response, request.GET["as"]) if request.GET.get("as") else response


def jssdk_call(request: HttpRequest) -> HttpResponse:
    """What the stand-in script asks from a page outside a chat; answered as a script, so that a
    product's strict `connect-src` needs no exception."""
    callback, name = request.GET.get("callback", ""), request.GET.get("fn", "")
    if not callback.startswith("__ww") or not callback[4:].isdigit():
        return HttpResponse(status=400)
    host = current()
    data = {key: request.GET[key] for key in request.GET}
    try:
        result = _page_call(host, who_is(request, host.world), name, data)
    except ActionError as error:
        result = {"ok": False, "reason": str(error)}
    body = JsonResponse(result, json_dumps_params={"ensure_ascii": True}).content.decode()
    return HttpResponse(f"window.{callback}({body});", content_type="application/javascript")


def _page_call(host: Host, who: str, name: str, data: Row) -> Row:
    if name == "verify":
        return jssdk.verify(host, data)
    kind, _, userid = who.partition(":")
    if kind != "guide":
        raise ActionError("no permission")
    try:
        params = json.loads(data.get("params") or "{}")
    except ValueError as error:
        raise ActionError("invalid parameters") from error
    answer = js_calls.perform(host, userid, name, params if isinstance(params, dict) else {})
    return {**answer, "url": host.own_url + answer["url"]} if "url" in answer else answer
