"""A page has its member pick colleagues: it is told of those its app may see, and gets a ticket
that stands for all of them."""

import hashlib

from .actions import ActionError
from .host import Host, new_id
from .visible import is_in_range
from .world import Row

OWN_DEPARTMENT, WHOLE_BOOK = -1, 0
SINGLE, MULTI = "single", "multi"
TICKET_LIFE_S = 7200  # no public page says how long; other tickets live as long


def open_userid(corp_id: str, userid: str) -> str:
    return "wo" + hashlib.sha256(f"{corp_id}:{userid}".encode()).hexdigest()[:30]


def offered(host: Host, userid: str, params: Row) -> list[Row]:
    """The list that the client draws, with those ticked that the page named as chosen before."""
    _check(params)
    before = _chosen_before(host, params)
    return [
        {"userid": ident, "name": host.world.users[ident]["name"], "chosen": ident in before}
        for ident in _shown(host, userid, params["fromDepartmentId"])
    ]


def select(host: Host, userid: str, params: Row) -> Row:
    """`selectPrivilegedContact`: the next order of `/sim/jssdk/choose`, or what was `picked`."""
    _check(params)
    there = set(_shown(host, userid, params["fromDepartmentId"]))
    wanted = params.get("picked") or host.choices.pop(userid, [])
    chosen = [ident for ident in wanted if ident in there]
    if params["mode"] == SINGLE:
        chosen = chosen[:1]
    if not chosen:
        raise ActionError("cancel")
    ticket = new_id("sim_selected_", 16)
    host.selections[ticket] = chosen
    world = host.world
    agent = world.corp["agents"].get(str(params.get("agentId")), {})
    seen = [ident for ident in chosen if is_in_range(world, agent, ident)]
    return {
        "result": {
            "userList": [{"openUserId": open_userid(world.corp["corp_id"], one)} for one in seen],
            "selectedTicket": ticket,
            "expiresIn": TICKET_LIFE_S,
            "selectedUserCount": len(chosen),
        }
    }


def _check(params: Row) -> None:
    if params.get("fromDepartmentId") not in (OWN_DEPARTMENT, WHOLE_BOOK):
        raise ActionError("invalid fromDepartmentId")
    if params.get("mode") not in (SINGLE, MULTI):
        raise ActionError("invalid mode")


def _shown(host: Host, userid: str, start: int) -> list[str]:
    """Members who work here; from one's own departments on, or all."""
    world = host.world
    here = [ident for ident in world.users if ident not in world.left_users]
    if start == WHOLE_BOOK:
        return here
    own = {
        below
        for root in world.users[userid]["department"]
        for below in world.department_tree(str(root))
    }
    return [ident for ident in here if own & {str(one) for one in world.users[ident]["department"]}]


def _chosen_before(host: Host, params: Row) -> set[str]:
    if params["mode"] == SINGLE:
        return set()
    corp_id, named = host.world.corp["corp_id"], set(params.get("selectedOpenUserIds") or [])
    by_name = {ident for ident in host.world.users if open_userid(corp_id, ident) in named}
    tickets = params.get("selectedTickets") or []
    return by_name.union(*(host.selections.get(str(ticket), []) for ticket in tickets))
