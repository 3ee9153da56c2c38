"""What a phone shows, as data."""

from ..world import Row, World
from .base import require_customer, require_user
from .sends import is_pending, send_row


def guide_phone(world: World, userid: str) -> Row:
    require_user(world, userid)
    notices = [world.notices[msgid] for msgid in world.notices_of.get(userid, [])]
    hidden = ("userids", "digest", "app", "response_code", "seen", "clicks", "choices")
    return {
        "notices": [
            {**{k: v for k, v in row.items() if k not in hidden}, "seen": userid in row["seen"]}
            for row in notices
        ],
        "pending_sends": [
            send_row(world.sends[msgid])
            for msgid in world.sends_of.get(userid, [])
            if is_pending(world.sends[msgid], userid)
        ],
        "appchats": world.appchats_of(userid),
        "chats": chats_of(world, userid, limit=200),
    }


def chats_of(world: World, userid: str, *, limit: int) -> list[Row]:
    """Chats by last message, then friends who never wrote by the age of the friendship."""
    rows = []
    for ident, follow in world.customers_of.get(userid, {}).items():
        mine = [m for m in world.messages.get(ident, []) if m["userid"] == userid]
        last = mine[-1] if mine else None
        rows.append({
            "external_userid": ident, "name": world.customers[ident]["name"],
            "remark": follow["remark"], "at": last["at"] if last else follow["createtime"],
            "text": _summary(last) if last else "", "messages": len(mine),
        })  # fmt: skip
    return sorted(rows, key=lambda row: (row["messages"] > 0, row["at"]), reverse=True)[:limit]


def _summary(message: Row) -> str:
    return message["text"] or f"[{len(message['attachments'])} 个附件]"


def sms_of(world: World, phone: str = "", limit: int = 100) -> list[Row]:
    """SMS that phones received, newest first; of one number when asked."""
    rows = [row for row in world.sms.values() if not phone or _digits(row["phone"]) == phone[-11:]]
    return sorted(rows, key=lambda row: -row["at"])[:limit]


def _digits(phone: str) -> str:
    return phone[-11:]


def customer_phone(world: World, external_userid: str) -> Row:
    require_customer(world, external_userid)
    messages = world.messages.get(external_userid, [])
    follows = world.follows.get(external_userid, {})
    return {
        "messages": [row for row in messages if not row.get("refused")],
        "friends": [
            {"userid": userid, "name": world.users.get(userid, {}).get("name", userid),
             "deleted": bool(follow["deleted_by_customer_at"]), "state": follow["state"],
             "createtime": follow["createtime"]}
            for userid, follow in follows.items()
        ],
    }  # fmt: skip
