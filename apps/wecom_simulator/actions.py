"""What people do on their phones, and the callbacks WeCom sends because of it."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .host import Host, new_id
from .world import Row, World

CHINA = ZoneInfo("Asia/Shanghai")
WELCOME_LIFE_S = 20
BEHAVIOR = (
    "new_apply_cnt",
    "new_contact_cnt",
    "chat_cnt",
    "message_cnt",
    "negative_feedback_cnt",
    "reply_percentage",
    "avg_reply_time",
)
NOT_YET, SENT, NOT_FRIEND, OVER_LIMIT = 0, 1, 2, 3


class ActionError(Exception):
    """Somebody tried what a phone would not let them do."""


def require_user(world: World, userid: Any) -> Row:
    user = world.users.get(world.user_names.get(str(userid).lower(), ""))
    if user is None:
        raise ActionError(f"No member with userid {userid!r}.")
    return user


def require_customer(world: World, external_userid: Any) -> Row:
    customer = world.customers.get(str(external_userid))
    if customer is None:
        raise ActionError(f"No customer with external_userid {external_userid!r}.")
    return customer


# People


def seed(host: Host, data: Row) -> Row:
    """Put departments, members and customers there, as if they had always been. No callbacks."""
    now = int(host.now())
    with host.transaction() as world:
        departments = [
            {"parentid": 0, "order": 0, **row, "name": row.get("name") or str(row["id"])}
            for row in data.get("departments") or []
        ]
        users = [_user(world, row) for row in data.get("users") or []]
        customers = [_customer_with_follows(world, row, now) for row in data.get("customers") or []]
        follows = sum(len(row["follows"]) for row in customers)
        host.commit("seed", departments=departments, users=users, customers=customers)
        return {
            "departments": len(departments),
            "users": len(users),
            "customers": len(customers),
            "follows": follows,
        }


def _user(world: World, row: Row) -> Row:
    known = world.users.get(row["userid"], {})
    base = {"name": row["userid"], "department": [1], "position": "", "status": 1}
    return {**base, **known, **row}


def _customer_with_follows(world: World, row: Row, now: int) -> Row:
    ident = row.get("external_userid") or new_id("wm", 15)
    known = world.follows.get(ident, {})
    given = {name: value for name, value in row.items() if name != "follows"}
    return {
        **_customer(world, {**given, "external_userid": ident}),
        "follows": [
            _follow(known.get(follow["userid"]), follow, now) for follow in row.get("follows") or []
        ],
    }


def _customer(world: World, row: Row) -> Row:
    known = world.customers.get(row["external_userid"], {})
    base = {"name": "微信用户", "gender": 0, "unionid": "", "avatar": "", "type": 1}
    return {**base, **known, **{name: value for name, value in row.items() if value is not None}}


def _follow(known: Row | None, row: Row, now: int) -> Row:
    base: Row = {
        "remark": "", "description": "", "createtime": now, "tag_ids": [], "remark_corp_name": "",
        "remark_mobiles": [], "add_way": 1, "oper_userid": row["userid"], "state": "",
        "deleted_by_customer_at": None,
    }  # fmt: skip
    return {**base, **(known or {}), **row}


def add_guide(host: Host, data: Row) -> Row:
    """A customer adds a member: a friendship, and an event with a welcome code that lives 20 s."""
    with host.transaction() as world:
        way = _way(world, data.get("config_id"))
        userid = data.get("userid") or (random.choice(way["user"]) if way else None)
        user = require_user(world, userid)
        ident = data.get("external_userid") or new_id("wm", 15)
        if ident not in world.customers and not data.get("name"):
            raise ActionError("A new customer needs a name.")
        known = world.follows.get(ident, {}).get(user["userid"])
        if known and not known["deleted_by_customer_at"]:
            return {"external_userid": ident, "already_friends": True}
        state = str(data.get("state") or (way or {}).get("state", ""))[:30]
        given = {name: data.get(name) for name in ("name", "unionid", "gender", "avatar")}
        fresh = {
            "userid": user["userid"], "createtime": int(host.now()), "state": state,
            "add_way": data.get("add_way", 1), "oper_userid": ident, "deleted_by_customer_at": None,
        }  # fmt: skip
        host.commit(
            "follow",
            external_userid=ident,
            follow=_follow(known, fresh, int(host.now())),
            customer=_customer(world, {**given, "external_userid": ident}),
        )
        host.commit("message", external_userid=ident, message={
            "userid": user["userid"], "from": ident, "attachments": [], "msgid": "",
            "via": "system", "text": "我通过了你的联系人验证请求，现在我们可以开始聊天了",
        })  # fmt: skip
        return {"external_userid": ident, **_announce_friend(host, user["userid"], ident, state)}


def _way(world: World, config_id: Any) -> Row | None:
    if not config_id:
        return None
    if config_id not in world.ways:
        raise ActionError(f"No contact way {config_id!r}.")
    return world.ways[config_id]


def _announce_friend(host: Host, userid: str, external_userid: str, state: str) -> Row:
    fields: Row = {
        "Event": "change_external_contact", "ChangeType": "add_external_contact",
        "UserID": userid, "ExternalUserID": external_userid,
    }  # fmt: skip
    if state:
        fields["State"] = state
    answer: Row = {}
    if not host.world.switches["no_welcome_code"]:
        code = new_id("WCODE_sim_", 12)
        expires_at = host.now() + WELCOME_LIFE_S
        host.commit(
            "welcome",
            code=code,
            userid=userid,
            external_userid=external_userid,
            expires_at=expires_at,
        )
        fields["WelcomeCode"] = answer["welcome_code"] = code
    answer["event"] = host.queue_event(fields)
    return answer


def end_follow(host: Host, data: Row) -> Row:
    """Either side deletes the other. Deleted by the customer, the relation stays one-way."""
    by = data.get("by")
    if by not in ("customer", "guide"):
        raise ActionError('"by" must be "customer" or "guide".')
    with host.transaction() as world:
        userid, ident = _friends(world, data)
        host.commit("follow_ended", by=by, userid=userid, external_userid=ident)
        kind = "del_follow_user" if by == "customer" else "del_external_contact"
        fields = {
            "Event": "change_external_contact", "ChangeType": kind,
            "UserID": userid, "ExternalUserID": ident,
        }  # fmt: skip
        return {"event": host.queue_event(fields)}


def _friends(world: World, data: Row) -> tuple[str, str]:
    userid = require_user(world, data.get("userid"))["userid"]
    ident = require_customer(world, data.get("external_userid"))["external_userid"]
    if userid not in world.follows.get(ident, {}):
        raise ActionError("They are not friends.")
    return userid, ident


def edit_follow(host: Host, data: Row) -> Row:
    """The member edits remark, description, mobiles or tags in the client."""
    allowed = {"remark", "description", "remark_mobiles", "tag_ids"}
    fields = {name: value for name, value in data.items() if name in allowed}
    if not fields:
        raise ActionError(f"Nothing to edit; known: {', '.join(sorted(allowed))}.")
    with host.transaction() as world:
        userid, ident = _friends(world, data)
        host.commit("follow_edited", userid=userid, external_userid=ident, fields=fields)
        event = {
            "Event": "change_external_contact", "ChangeType": "edit_external_contact",
            "UserID": userid, "ExternalUserID": ident,
        }  # fmt: skip
        return {"event": host.queue_event(event)}


# Mass sends


def confirm_send(host: Host, data: Row) -> Row:
    """The member confirms on the phone; only now do customers receive anything."""
    with host.transaction() as world:
        userid, send = _own_send(world, data)
        result = _group_result if send["chat_type"] == "group" else _result
        results = {
            ident: result(host, ident, userid)
            for ident, row in send["receivers"].items()
            if row["userid"] == userid
        }
        host.commit("send_confirmed", msgid=send["msgid"], userid=userid, results=results)
        return {"msgid": send["msgid"], "results": results}


def ignore_send(host: Host, data: Row) -> Row:
    """The member says not now; WeCom tells nobody."""
    with host.transaction() as world:
        userid, send = _own_send(world, data)
        host.commit("send_ignored", msgid=send["msgid"], userid=userid)
        return {"msgid": send["msgid"]}


def _own_send(world: World, data: Row) -> tuple[str, Row]:
    userid = require_user(world, data.get("userid"))["userid"]
    send = world.sends.get(str(data.get("msgid")))
    if send is None or userid not in send["tasks"]:
        raise ActionError("This member has no such mass send.")
    if send["cancelled_at"]:
        raise ActionError("This mass send was cancelled.")
    if send["tasks"][userid]["status"] == 2:
        raise ActionError("This mass send is confirmed already.")
    return userid, send


def publish_moment(host: Host, data: Row) -> Row:
    """A member publishes a post in their moments: {userid, moment_id}."""
    with host.transaction() as world:
        userid = require_user(world, data.get("userid"))["userid"]
        moment = world.moments.get(str(data.get("moment_id")))
        if moment is None or userid not in moment["tasks"]:
            raise ActionError("This member has no such post.")
        if moment["tasks"][userid] is None:
            host.commit("moment_published", moment_id=moment["moment_id"], userid=userid)
        return {"published": moment["moment_id"], "userid": userid}


def _result(host: Host, external_userid: str, userid: str) -> int:
    world = host.world
    follow = world.follows.get(external_userid, {}).get(userid)
    if follow is None or follow["deleted_by_customer_at"]:
        return NOT_FRIEND
    return OVER_LIMIT if over_cap(world, external_userid, host.now()) else SENT


def _group_result(host: Host, chat_id: str, userid: str) -> int:
    group = host.world.groups.get(chat_id)
    if group is None or group["dismissed_at"] or group["owner"] != userid:
        return NOT_FRIEND
    return OVER_LIMIT if over_cap(host.world, chat_id, host.now()) else SENT


def over_cap(world: World, external_userid: str, now: float) -> bool:
    """Has this customer had all the mass sends a month (week, day) allows, of everybody's?"""
    today = datetime.fromtimestamp(now, CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    month = today.replace(day=1)
    days = ((month + timedelta(days=32)).replace(day=1) - month).days
    switches = world.switches
    caps = (
        (month, days if switches["month_cap"] is None else switches["month_cap"]),
        (today - timedelta(days=today.weekday()), switches["week_cap"]),
        (today, switches["day_cap"]),
    )
    times = world.received.get(external_userid, [])
    return any(
        cap is not None and sum(1 for at in times if at >= since.timestamp()) >= cap
        for since, cap in caps
    )


def sends_of(world: World, userid: str | None) -> list[Row]:
    """Mass sends with everything known about them; of one member or of all."""
    msgids = list(world.sends) if userid is None else world.sends_of.get(userid, [])
    return [_send_row(world.sends[msgid]) for msgid in msgids]


def _send_row(send: Row) -> Row:
    counts = Counter(row["status"] for row in send["receivers"].values())
    hidden = ("tasks", "receivers", "app")
    return {
        **{name: value for name, value in send.items() if name not in hidden},
        "creator": send.get("creator", ""),
        "tasks": [{"userid": userid, **task} for userid, task in send["tasks"].items()],
        "receivers": [{"external_userid": i, **row} for i, row in send["receivers"].items()],
        "counts": {
            "not_yet": counts[NOT_YET], "sent": counts[SENT], "not_friend": counts[NOT_FRIEND],
            "over_limit": counts[OVER_LIMIT],
        },
    }  # fmt: skip


def is_pending(send: Row, userid: str) -> bool:
    task = send["tasks"][userid]
    return task["status"] == 0 and not send["cancelled_at"]


def create_personal_send(host: Host, userid: str, data: Row) -> Row:
    """A page hands the member's own mass send to the helper, where it waits like any other."""
    with host.transaction() as world:
        require_user(world, userid)
        wanted = data.get("externalUserIds") or []
        receivers = [ident for ident in wanted if userid in world.follows.get(ident, {})]
        if not receivers:
            raise ActionError("no customer to send to")
        send = {
            "msgid": new_id("msg", 15), "chat_type": "single", "create_type": 1,
            "creator": userid, "create_time": host.now(),
            "text": str((data.get("text") or {}).get("content", "")),
            "attachments": data.get("attachments") or [], "cancelled_at": None, "reminds": [],
            "app": "", "asked_sender": userid,
            "tasks": {userid: {"status": 0, "send_time": None, "ignored": False}},
            "receivers": {
                ident: {"userid": userid, "status": 0, "send_time": None} for ident in receivers
            },
        }  # fmt: skip
        host.commit("send", send=send)
        return {"msgid": send["msgid"]}


# Chats and cards


def chat_message(host: Host, data: Row, *, via: str) -> Row:
    """A message in the chat of a member and a customer, from either. The API never sees it."""
    with host.transaction() as world:
        userid, ident = _friends(world, data)
        sender = ident if data.get("from") == "customer" else userid
        text, attachments = str(data.get("text") or ""), data.get("attachments") or []
        if not text and not attachments:
            raise ActionError("An empty message.")
        follow = world.follows[ident][userid]
        arrived = not follow["deleted_by_customer_at"]
        message = {
            "userid": userid, "from": sender, "text": text, "attachments": attachments,
            "msgid": "", "via": via, **({} if arrived else {"refused": True}),
        }  # fmt: skip
        host.commit("message", external_userid=ident, message=message)
        return {"arrived": arrived}


def tell_behavior(host: Host, data: Row) -> Row:
    """Chats of a day that were not played here: counts are added, shares and times replace."""
    with host.transaction() as world:
        userid = require_user(world, data.get("userid"))["userid"]
        day = f"{datetime.fromisoformat(str(data['day'])):%Y-%m-%d}"
        figures = {name: data[name] for name in BEHAVIOR if name in data}
        if not all(isinstance(value, int | float) for value in figures.values()):
            raise ActionError("Figures are numbers.")
        host.commit("behavior", userid=userid, day=day, figures=figures)
        return {"userid": userid, "day": day, **figures}


def click_card(host: Host, data: Row) -> Row:
    """A member presses a button of an interactive card."""
    with host.transaction() as world:
        userid = require_user(world, data.get("userid"))["userid"]
        notice = world.notices.get(str(data.get("msgid")))
        if notice is None or userid not in notice["userids"]:
            raise ActionError("This member has no such card.")
        keys = [button["key"] for button in notice.get("buttons") or []]
        if data.get("key") not in keys:
            raise ActionError("The card has no such button.")
        host.commit("card_clicked", msgid=notice["msgid"], userid=userid, key=data["key"])
        fields = {
            "FromUserName": userid, "Event": "template_card_event", "EventKey": data["key"],
            "TaskId": notice["task_id"], "CardType": notice["card_type"],
            "ResponseCode": new_id("RC_", 12), "AgentID": int(notice["app"]),
        }  # fmt: skip
        return {"event": host.queue_event(fields)}


# What a phone shows


def guide_phone(world: World, userid: str) -> Row:
    require_user(world, userid)
    notices = [world.notices[msgid] for msgid in world.notices_of.get(userid, [])]
    hidden = ("userids", "digest", "app", "response_code", "seen", "clicks")
    return {
        "notices": [
            {**{k: v for k, v in row.items() if k not in hidden}, "seen": userid in row["seen"]}
            for row in notices
        ],
        "pending_sends": [
            _send_row(world.sends[msgid])
            for msgid in world.sends_of.get(userid, [])
            if is_pending(world.sends[msgid], userid)
        ],
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
