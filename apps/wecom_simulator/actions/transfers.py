"""继承 after it was asked for: 24 hours later it happens by itself, unless the customer says no."""

from ..host import Host
from ..parts.transfers import DONE, OVER_LIMIT, REFUSED
from ..ticks import tick
from ..world import Row, World
from .base import ActionError, require_customer
from .people import new_follow

NO_RECORD = 5
ASSIGNED_BY_COMPANY = 202


def refuse_transfer(host: Host, data: Row) -> Row:
    """The customer wants nobody new: {external_userid, takeover}."""
    with host.transaction() as world:
        ident = require_customer(world, data.get("external_userid"))["external_userid"]
        rows = [row for row in world.waiting_transfers() if row["external_userid"] == ident]
        asked = data.get("takeover")
        row = next((row for row in rows if asked in (None, "", row["takeover"])), None)
        if row is None:
            raise ActionError("Nobody is about to take this customer over.")
        host.commit("transfer_ended", transfer_id=row["id"], status=REFUSED)
        return {"event": _tell_failure(host, row, "customer_refused")}


def _tell_failure(host: Host, row: Row, reason: str) -> str | None:
    return host.queue_event({
        "Event": "change_external_contact", "ChangeType": "transfer_fail",
        "UserID": row["takeover"], "ExternalUserID": row["external_userid"], "FailReason": reason,
    })  # fmt: skip


@tick
def end_transfers(host: Host) -> None:
    """What is due goes over now. An event tells of it only where WeCom tells."""
    for row in host.world.waiting_transfers(due_before=host.now()):
        _take_over(host, row)


def _take_over(host: Host, row: Row) -> None:
    world, ident = host.world, row["external_userid"]
    handover, takeover = row["handover"], row["takeover"]
    follows = world.follows.get(ident, {})
    given = follows.get(handover)
    if given is None or given["deleted_by_customer_at"]:  # it fails in silence
        host.commit("transfer_ended", transfer_id=row["id"], status=NO_RECORD)
        return
    known = takeover in follows and not follows[takeover]["deleted_by_customer_at"]
    if _is_full(world, takeover) and not known:
        host.commit("transfer_ended", transfer_id=row["id"], status=OVER_LIMIT)
        _tell_failure(host, row, "customer_limit_exceed")
        return
    host.commit("follow_ended", by="guide", userid=handover, external_userid=ident)
    if not known:
        host.commit(
            "follow",
            external_userid=ident,
            follow=new_follow(takeover, host.now(), add_way=ASSIGNED_BY_COMPANY),
            customer=None,
        )
    host.commit("transfer_ended", transfer_id=row["id"], status=DONE)
    _tell(host, row, known=known)


def _is_full(world: World, userid: str) -> bool:
    most = world.users[userid].get("customer_limit")
    return most is not None and len(world.customers_of.get(userid, {})) >= most


def _tell(host: Host, row: Row, *, known: bool) -> None:
    """A delete at the giver who is still here, an add at the successor; no add for a friend of
    before, nor for a customer who comes back to who had given them to the other."""
    about = {"Event": "change_external_contact", "ExternalUserID": row["external_userid"]}
    if row["kind"] == "onjob":
        host.queue_event({
            **about, "ChangeType": "del_external_contact", "UserID": row["handover"],
            "Source": "DELETE_BY_TRANSFER",
        })  # fmt: skip
    returns = any(
        before["status"] == DONE
        and (before["handover"], before["takeover"]) == (row["takeover"], row["handover"])
        for before in host.world.transfers_of(row["external_userid"])
    )
    if not known and not returns:
        host.queue_event({
            **about, "ChangeType": "add_external_contact", "UserID": row["takeover"],
        })  # fmt: skip


def transfers_shown(world: World) -> list[Row]:
    return list(world.transfers.values())
