"""Tokens, tickets, OAuth codes."""

import hashlib

from ..errors import ApiError
from ..host import first, new_id, others
from ..world import Row
from .base import Call, Needs, endpoint, text

TOKEN_LIFE_S = 7200
USER_TICKET_LIFE_S = 1800
CODE_LIFE_S = 300


@endpoint("gettoken", needs=Needs.NOTHING, writes=True)
def gettoken(call: Call) -> Row:
    """One token per secret; asking again while it lives gives the same one."""
    corp = call.world.corp
    if not call.query.get("corpid"):
        raise ApiError(41002)
    if not call.query.get("corpsecret"):
        raise ApiError(41004)
    if call.query["corpid"] != corp["corp_id"]:
        raise ApiError(40013)
    app = _app_of_secret(call, call.query["corpsecret"])
    for token, row in call.world.tokens.items():
        if row["app"] == app and not row["dead"] and row["expires_at"] > call.now:
            left = int(row["expires_at"] - call.now)
            return {"access_token": token, "expires_in": left}
    token = new_id("sim_at_", 32)
    call.host.commit("token", token=token, app=app, expires_at=call.now + TOKEN_LIFE_S)
    call.effect = {"new_token_for": app}
    return {"access_token": token, "expires_in": TOKEN_LIFE_S}


def _app_of_secret(call: Call, secret: str) -> str:
    """The app this secret belongs to. Who keeps guessing is locked out for the hour."""
    corp, key = call.world.corp, f"bad-secret:{call.ip}"
    if call.host.used(key, window_s=3600) >= call.world.switches["bad_secrets_block"]:
        raise ApiError(45009)
    for ident, agent in corp["agents"].items():
        if agent["secret"] == secret and not agent.get("disabled"):
            return str(ident)
    if corp.get("contact_secret") and corp["contact_secret"] == secret:
        return "contacts"
    call.host.over_rate(key, limit=0, window_s=3600)
    raise ApiError(40091 if _is_elsewhere(secret) else 40001)


def _is_elsewhere(secret: str) -> bool:
    """A secret of another corp of this process."""
    agents = [row for host in (first(), *others()) for row in host.world.corp["agents"].values()]
    return any(row["secret"] == secret and not row.get("disabled") for row in agents)


def _ticket(call: Call, kind: str) -> Row:
    for ticket, row in call.world.tickets.items():
        same = row["kind"] == kind and row["app"] == call.app
        if same and not row.get("dead") and row["expires_at"] > call.now:
            return {"ticket": ticket, "expires_in": int(row["expires_at"] - call.now)}
    ticket = new_id("sim_ticket_", 24)
    expires_at = call.now + TOKEN_LIFE_S
    call.host.commit("ticket", ticket=ticket, kind=kind, app=call.app, expires_at=expires_at)
    call.effect = {"new_ticket": kind}
    return {"ticket": ticket, "expires_in": TOKEN_LIFE_S}


@endpoint("get_jsapi_ticket", needs=Needs.AGENT, writes=True)
def get_jsapi_ticket(call: Call) -> Row:
    """The corp's ticket, for `config`."""
    _limit_tickets(call)
    return _ticket(call, "config")


@endpoint("ticket/get", needs=Needs.AGENT, writes=True)
def ticket_get(call: Call) -> Row:
    """The app's ticket, for `agentConfig`."""
    if call.query.get("type") != "agent_config":
        raise ApiError(91040)
    _limit_tickets(call)
    return _ticket(call, "agent_config")


def _limit_tickets(call: Call) -> None:
    if call.host.over_rate(f"{call.path}:{call.app}", limit=100, window_s=3600):
        raise ApiError(45009)


def _use_code(call: Call) -> Row:
    code = call.query.get("code", "")
    row = call.world.codes.get(code)
    if row is None:
        raise ApiError(40029)
    if row["used"]:
        raise ApiError(42022)
    if row["expires_at"] < call.now:
        raise ApiError(42003)
    call.host.commit("code_used", code=code)
    call.effect = {"code_used": True}
    return row


def open_id(external_userid: str) -> str:
    return "o" + hashlib.sha256(external_userid.encode()).hexdigest()[:27]


@endpoint("auth/getuserinfo", needs=Needs.AGENT, writes=True)
def auth_getuserinfo(call: Call) -> Row:
    """Who came back with this code: a member, or somebody else."""
    row = _use_code(call)
    kind, _, ident = row["who"].partition(":")
    if kind == "customer":
        return _customer_info(call, ident)
    if kind == "stranger":
        return {"openid": open_id(ident)}
    answer = {"userid": ident}
    if row["scope"] == "snsapi_privateinfo" and ident in call.visible_users():
        ticket = new_id("sim_ut_", 24)
        expires_at = call.now + USER_TICKET_LIFE_S
        call.host.commit("user_ticket", ticket=ticket, userid=ident, expires_at=expires_at)
        answer["user_ticket"] = ticket
    return answer


def _customer_info(call: Call, external_userid: str) -> Row:
    answer = {"openid": open_id(external_userid)}
    if call.visible_users() & set(call.world.follows.get(external_userid, {})):
        answer["external_userid"] = external_userid
    return answer


@endpoint("user/getuserinfo", needs=Needs.AGENT, writes=True)
def user_getuserinfo(call: Call) -> Row:
    """The old form of the same, with capitals."""
    answer = auth_getuserinfo(call)
    old = {"userid": "UserId", "openid": "OpenId"}
    renamed = {old.get(name, name): value for name, value in answer.items()}
    return {**renamed, "DeviceId": ""}


@endpoint("auth/getuserdetail", needs=Needs.AGENT)
def auth_getuserdetail(call: Call) -> Row:
    """Only what the member agreed to: here the avatar, gender and QR code."""
    row = call.world.user_tickets.get(text(call.body, "user_ticket", empty=84015))
    if row is None:
        raise ApiError(84015)
    if row["expires_at"] < call.now:
        raise ApiError(84014)
    user = call.world.users.get(row["userid"], {})
    return {
        "userid": row["userid"],
        "gender": str(user.get("gender", 0)),
        "avatar": f"{call.host.own_url}/avatar/{row['userid']}.svg",
        "qr_code": f"{call.host.own_url}/qr/user/{row['userid']}/",
    }


@endpoint("getcallbackip", "get_api_domain_ip")
def addresses(call: Call) -> Row:
    return {"ip_list": ["127.0.0.1"]}
