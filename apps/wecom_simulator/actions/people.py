"""Friendships: people put there, added, edited in the client, deleted by either side."""

from typing import Any

from ..host import Host, new_id
from ..world import Row, World
from .base import ActionError, require_friends, require_user

WELCOME_LIFE_S = 20
MOST_STATE = 64
GUIDES_OF_A_STORE = 10
FIRST_STORE = 1000


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


def new_follow(userid: str, at: float, **fields: Any) -> Row:
    """A friendship that begins now, as WeCom makes one."""
    return _follow(None, {"userid": userid, **fields}, int(at))


def add_guide(host: Host, data: Row) -> Row:
    """A customer adds a member: a friendship, and an event with a welcome code that lives 20 s.

    `half`: the member skips verification and has not confirmed yet (`confirm_friend` does).
    """
    with host.transaction() as world:
        way = _way(world, data.get("config_id"))
        userid = data.get("userid") or (host.chance.choice(way["user"]) if way else None)
        user = require_user(world, userid)
        ident = data.get("external_userid") or new_id("wm", 15)
        if ident not in world.customers and not data.get("name"):
            raise ActionError("A new customer needs a name.")
        known = world.follows.get(ident, {}).get(user["userid"])
        if known and not known["deleted_by_customer_at"]:
            return {"external_userid": ident, "already_friends": True}
        state = str(data.get("state") or (way or {}).get("state", ""))[:MOST_STATE]
        given = {name: data.get(name) for name in ("name", "unionid", "gender", "avatar")}
        fresh = {
            "userid": user["userid"], "createtime": int(host.now()), "state": state,
            "add_way": data.get("add_way", 1), "oper_userid": ident, "deleted_by_customer_at": None,
            "half": bool(data.get("half")),
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
        told = _announce_friend(host, user["userid"], ident, state, half=fresh["half"])
        return {"external_userid": ident, **told}


def confirm_friend(host: Host, data: Row) -> Row:
    """The member confirms a friend who was only half one. A welcome is not sent twice."""
    with host.transaction() as world:
        userid, ident = require_friends(world, data)
        follow = world.follows[ident][userid]
        if not follow.get("half"):
            raise ActionError("They are friends already.")
        fields = {"half": False}
        host.commit("follow_edited", userid=userid, external_userid=ident, fields=fields)
        codes = [row for row in world.welcomes.values() if row["external_userid"] == ident]
        greeted = any(row["used"] and row["userid"] == userid for row in codes)
        return _announce_friend(host, userid, ident, follow["state"], greeted=greeted)


def _way(world: World, config_id: Any) -> Row | None:
    if not config_id:
        return None
    if config_id not in world.ways:
        raise ActionError(f"No contact way {config_id!r}.")
    return world.ways[config_id]


def _announce_friend(
    host: Host, userid: str, external_userid: str, state: str, *, half: bool = False,
    greeted: bool = False,
) -> Row:  # fmt: skip
    kind = "add_half_external_contact" if half else "add_external_contact"
    fields: Row = {
        "Event": "change_external_contact", "ChangeType": kind,
        "UserID": userid, "ExternalUserID": external_userid,
    }  # fmt: skip
    if state:
        fields["State"] = state
    answer: Row = {}
    if not greeted and not host.world.switches["no_welcome_code"]:
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
        userid, ident = require_friends(world, data)
        host.commit("follow_ended", by=by, userid=userid, external_userid=ident)
        kind = "del_follow_user" if by == "customer" else "del_external_contact"
        fields = {
            "Event": "change_external_contact", "ChangeType": kind,
            "UserID": userid, "ExternalUserID": ident,
        }  # fmt: skip
        return {"event": host.queue_event(fields)}


def edit_follow(host: Host, data: Row) -> Row:
    """The member edits remark, description, mobiles or tags in the client."""
    allowed = {"remark", "description", "remark_mobiles", "tag_ids"}
    fields = {name: value for name, value in data.items() if name in allowed}
    if not fields:
        raise ActionError(f"Nothing to edit; known: {', '.join(sorted(allowed))}.")
    with host.transaction() as world:
        userid, ident = require_friends(world, data)
        host.commit("follow_edited", userid=userid, external_userid=ident, fields=fields)
        if set(fields) == {"remark_mobiles"} and not world.switches["mobile_edits_told"]:
            return {"event": None}
        event = {
            "Event": "change_external_contact", "ChangeType": "edit_external_contact",
            "UserID": userid, "ExternalUserID": ident,
        }  # fmt: skip
        return {"event": host.queue_event(event)}


def new_customer(host: Host, data: Row) -> str:
    """The external id of somebody known, or of a new person with this `name`."""
    world = host.world
    ident = str(data.get("external_userid") or new_id("wm", 15))
    if ident in world.customers:
        return ident
    if not data.get("name"):
        raise ActionError("A new customer needs a name.")
    given = {name: data.get(name) for name in ("name", "unionid", "gender", "avatar")}
    host.commit("customer", customer=_customer(world, {**given, "external_userid": ident}))
    return ident


def bulk(host: Host, data: Row) -> Row:
    """A big corp at once, without callbacks: {guides: 40000, contacts: 25, seed: 1}.

    Guides are made (`bulk_00001` …, ten to a store) or are those named in `userids`.
    """
    guides, contacts = int(data.get("guides", 0)), int(data.get("contacts", 25))
    named = [str(item) for item in data.get("userids") or []]
    if contacts < 0 or guides < 0 or bool(guides) == bool(named):
        raise ActionError("Either guides (how many) or userids (which), and contacts of each.")
    departments, users = ([], []) if named else _big_corp(guides)
    with host.transaction() as world:
        for userid in named:
            require_user(world, userid)
        userids = named or [user["userid"] for user in users]
        host.commit(
            "bulk", userids=userids, contacts=contacts, seed=int(data.get("seed", 1)),
            departments=departments, users=users,
        )  # fmt: skip
        return {"guides": len(userids), "contacts": len(userids) * contacts}


def _big_corp(guides: int) -> tuple[list[Row], list[Row]]:
    stores = range(-(-guides // GUIDES_OF_A_STORE))
    departments = [
        {"id": 1, "name": "总部", "parentid": 0, "order": 1},
        *(
            {"id": FIRST_STORE + store, "name": f"门店{store + 1:04d}", "parentid": 1, "order": 1}
            for store in stores
        ),
    ]
    users = [
        {
            "userid": f"bulk_{number + 1:05d}", "name": f"导购{number + 1:05d}", "position": "导购",
            "department": [FIRST_STORE + number // GUIDES_OF_A_STORE], "status": 1,
        }
        for number in range(guides)
    ]  # fmt: skip
    return departments, users
