"""继承: customers (and what became of them) from who left, or on the job. It happens after 24 h,
see `actions.transfers`."""

from ..errors import ApiError
from ..host import new_id
from ..parts.transfers import WAITING
from ..world import Row
from .base import Call, Needs, endpoint, number, page, text, texts

DAY_S = 86_400
WITHIN_S = 365 * DAY_S
WINDOW_S = 90 * DAY_S
MOST_IN_WINDOW = 2
RESULTS_A_PAGE = 1000
UNASSIGNED_MOST = 50_000


@endpoint("externalcontact/transfer_customer", needs=Needs.CUSTOMERS, writes=True)
def transfer_customer(call: Call) -> Row:
    """在职: the giving member is still here; a greeting may go with it."""
    handover, takeover = _pair(call)
    _not_banned(call.user(handover))
    words = call.body.get("transfer_success_msg") or ""
    if not isinstance(words, str) or len(words) > 200:
        raise ApiError(40058)
    return _begin(call, handover, _successor(call, takeover), kind="onjob")


@endpoint("externalcontact/resigned/transfer_customer", needs=Needs.CUSTOMERS, writes=True)
def resigned_transfer_customer(call: Call) -> Row:
    """离职: the giving member has left, within a year."""
    handover, takeover = _pair(call)
    real = call.world.user_names.get(handover.lower(), "")
    left_at = call.world.left_users.get(real)
    if left_at is None or left_at < call.now - WITHIN_S:
        raise ApiError(40097)
    _not_banned(call.world.users.get(real, {}))
    return _begin(call, real, _successor(call, takeover), kind="resigned")


def _pair(call: Call) -> tuple[str, str]:
    handover, takeover = text(call.body, "handover_userid"), text(call.body, "takeover_userid")
    if handover.lower() == takeover.lower():
        raise ApiError(40130)
    return handover, takeover


def _not_banned(giver: Row) -> None:
    """From an account that WeCom has banned nothing is inherited."""
    if giver.get("banned"):
        raise ApiError(40143)


def _successor(call: Call, userid: str) -> Row:
    """Activated, verified, signed in within a year, with the function on."""
    user = call.user(userid)
    for wrong, errcode in (
        (user["status"] != 1, 41054),
        (not user.get("verified", True), 40098),
        (user.get("stale", False), 40205),
        (not user.get("can_follow", True), 84074),
    ):
        if wrong:
            raise ApiError(errcode)
    return user


def _begin(call: Call, handover: str, takeover: Row, *, kind: str) -> Row:
    idents = texts(call.body, "external_userid", most=100)
    if not idents:
        raise ApiError(41035)
    real = call.world.user_names[handover.lower()]
    answers, begun = [], []
    for ident in dict.fromkeys(idents):
        errcode = _refusal(call, real, takeover, ident, kind)
        if not errcode:
            begun.append(ident)
            call.host.commit("transfer", transfer={
                "id": new_id("tr"), "kind": kind, "handover": real, "takeover": takeover["userid"],
                "external_userid": ident, "asked_at": call.now, "due_at": call.now + DAY_S,
                "status": WAITING, "takeover_time": int(call.now) + DAY_S,
                "words": call.body.get("transfer_success_msg") or "",
            })  # fmt: skip
        answers.append({"external_userid": ident, "errcode": errcode})
    call.effect = {"transferred": begun, "from": real, "to": takeover["userid"]}
    return {"customer": answers}


def _refusal(call: Call, handover: str, takeover: Row, ident: str, kind: str) -> int:
    """The errcode of one customer of a call; 0 when it begins."""
    world = call.world
    if ident not in world.customers:
        return 40096
    follow = world.follows.get(ident, {}).get(handover)
    if follow is None:
        return 40131
    if follow["deleted_by_customer_at"]:
        return 84061
    of_customer = world.transfers_of(ident)
    waiting = [r for r in of_customer if r["status"] == WAITING and r["handover"] == handover]
    if waiting:  # to this successor already, or to somebody else
        same = any(row["takeover"] == takeover["userid"] for row in waiting)
        return 40129 if same else 40100
    lately = [
        row for row in of_customer
        if row["kind"] == "onjob" and row["asked_at"] > call.now - WINDOW_S
    ]  # fmt: skip
    if kind == "onjob" and len(lately) >= MOST_IN_WINDOW:
        return 40128
    most = takeover.get("customer_limit")
    known = world.customers_of.get(takeover["userid"], {})
    return 40099 if most is not None and ident not in known and len(known) >= most else 0


def _results(call: Call, kind: str) -> Row:
    handover, takeover = _pair(call)
    names = call.world.user_names
    pair = (names.get(handover.lower(), handover), names.get(takeover.lower(), takeover))
    rows = call.world.transfers_between(*pair, kind)
    part, cursor = page(call, rows, size=RESULTS_A_PAGE, scope=f"{kind}:{pair}")
    answers = [
        {
            "external_userid": row["external_userid"],
            "status": row["status"],
            "takeover_time": row["takeover_time"],
        }
        for row in part
    ]
    return {"customer": answers, "next_cursor": cursor}


@endpoint("externalcontact/transfer_result", needs=Needs.CUSTOMERS)
def transfer_result(call: Call) -> Row:
    return _results(call, "onjob")


@endpoint("externalcontact/resigned/transfer_result", needs=Needs.CUSTOMERS)
def resigned_transfer_result(call: Call) -> Row:
    return _results(call, "resigned")


@endpoint("externalcontact/get_unassigned_list", needs=Needs.CUSTOMERS)
def get_unassigned_list(call: Call) -> Row:
    """Customers of who left, whom nobody has taken over or is about to."""
    size = number(call.body, "page_size", 1000)
    size = size if 0 < size <= 1000 else 1000
    page_id = number(call.body, "page_id", 0)
    if page_id * size >= UNASSIGNED_MOST:
        raise ApiError(40058)
    rows = _unassigned(call)
    if call.body.get("cursor"):
        part, cursor = page(call, rows, size=size, scope="unassigned")
        return {"info": part, "is_last": not cursor, "next_cursor": cursor}
    if page_id:
        part = rows[page_id * size : (page_id + 1) * size]
        return {"info": part, "is_last": (page_id + 1) * size >= len(rows), "next_cursor": ""}
    part, cursor = page(call, rows, size=size, scope="unassigned")
    return {"info": part, "is_last": not cursor, "next_cursor": cursor}


def _unassigned(call: Call) -> list[Row]:
    world = call.world
    coming = {(row["handover"], row["external_userid"]) for row in world.waiting_transfers()}
    return [
        {"handover_userid": userid, "external_userid": ident, "dimission_time": int(left_at)}
        for userid, left_at in world.left_users.items()
        for ident in world.customers_of.get(userid, {})
        if (userid, ident) not in coming
    ]
