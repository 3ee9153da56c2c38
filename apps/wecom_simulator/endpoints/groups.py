"""客户群: groups as they are, codes by which customers join them, welcomes for newcomers."""

from ..actions.groups import CUSTOMER, MEMBER, name_in, version_of
from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import (
    Call,
    Needs,
    attachments,
    endpoint,
    message_text,
    number,
    optional_text,
    page,
    text,
    texts,
)

VISIBLE_WITHOUT_FILTER = 1000
MOST_GROUPS_OF_A_CODE = 5
MOST_WELCOME_BYTES = 3000
NO_SUCH_GROUP = 86001


def own_groups(call: Call, owners: set[str]) -> list[Row]:
    """Living groups whose owner is one of these."""
    return [
        group
        for group in call.world.groups.values()
        if not group["dismissed_at"] and group["owner"] in owners
    ]


@endpoint("externalcontact/groupchat/list", needs=Needs.CUSTOMERS)
def groupchat_list(call: Call) -> Row:
    """Groups of visible owners, in the order they were made. `limit` must be said."""
    size, status = number(call.body, "limit", 0), number(call.body, "status_filter", 0)
    if not 1 <= size <= 1000 or status not in (0, 1, 2, 3):
        raise ApiError(40058)
    wanted = call.body.get("owner_filter") or {}
    if not isinstance(wanted, dict):
        raise ApiError(40058)
    asked = texts(wanted, "userid_list", most=100)
    visible = call.visible_users()
    if not asked and len(visible) > VISIBLE_WITHOUT_FILTER:
        raise ApiError(81017)
    owners = {call.user(userid)["userid"] for userid in asked} if asked else visible
    rows = [
        {"chat_id": group["chat_id"], "status": group["status"]}
        for group in own_groups(call, owners)
        if status in (0, group["status"])
    ]
    scope = f"groups:{status}:{','.join(sorted(owners)) if asked else ''}"
    part, cursor = page(call, rows, size=size, scope=scope)
    return {"group_chat_list": part, **({"next_cursor": cursor} if cursor else {})}


def _group(call: Call, chat_id: str) -> Row:
    group = call.world.groups.get(chat_id)
    if group is None or group["dismissed_at"] or group["owner"] not in call.visible_users():
        raise ApiError(NO_SUCH_GROUP)
    return group


@endpoint("externalcontact/groupchat/get", needs=Needs.CUSTOMERS)
def groupchat_get(call: Call) -> Row:
    group = _group(call, text(call.body, "chat_id", empty=NO_SUCH_GROUP))
    named = bool(number(call.body, "need_name", 0))
    return {"group_chat": {
        "chat_id": group["chat_id"], "name": group["name"], "owner": group["owner"],
        "create_time": group["create_time"], "notice": group["notice"],
        "member_list": [
            _person(call, ident, row, named) for ident, row in group["members"].items()
        ],
        "admin_list": [{"userid": userid} for userid in group["admins"]],
        "member_version": version_of(group),
    }}  # fmt: skip


def _person(call: Call, ident: str, row: Row, named: bool) -> Row:
    told: Row = {
        "userid": ident, "type": row["type"], "join_time": row["join_time"],
        "join_scene": row["join_scene"], "group_nickname": "",
    }  # fmt: skip
    if "invitor" in row:
        told["invitor"] = {"userid": row["invitor"]}
    if row.get("state"):
        told["state"] = row["state"]
    if row["type"] == CUSTOMER:
        unionid = call.world.customers.get(ident, {}).get("unionid")
        told |= {"unionid": unionid} if unionid else {}
    if named:
        told["name"] = name_in(call.world, ident)
    return told


# --- codes ----------------------------------------------------------------------------------------


def _way_fields(call: Call) -> Row:
    chats = texts(call.body, "chat_id_list", most=MOST_GROUPS_OF_A_CODE)
    if not chats:
        raise ApiError(40063)
    for chat_id in chats:
        _group(call, chat_id)
    return {
        "remark": str(call.body.get("remark") or "")[:30],
        "auto_create_room": number(call.body, "auto_create_room", 1),
        "room_base_name": optional_text(call.body, "room_base_name", most=40),
        "room_base_id": number(call.body, "room_base_id", 1),
        "chat_id_list": chats,
        "first_groups": len(chats),
        "state": optional_text(call.body, "state", most=30),
    }


@endpoint("externalcontact/groupchat/add_join_way", needs=Needs.CUSTOMERS, writes=True)
def add_join_way(call: Call) -> Row:
    scene = call.body.get("scene")
    if scene not in (1, 2):
        raise ApiError(41038)
    config_id = new_id("", 16)
    way = {"config_id": config_id, "scene": scene, **_way_fields(call)}
    way["qr_code"] = f"{call.host.own_url}/group-code/{config_id}/"
    call.host.commit("group_way", way=way)
    call.effect = {"config_id": config_id}
    return {"config_id": config_id}


def _way(call: Call) -> Row:
    way = call.world.group_ways.get(text(call.body, "config_id", empty=41043))
    if way is None:
        raise ApiError(41044)
    return way


@endpoint("externalcontact/groupchat/get_join_way", needs=Needs.CUSTOMERS)
def get_join_way(call: Call) -> Row:
    way = _way(call)
    return {"join_way": {name: value for name, value in way.items() if name != "first_groups"}}


@endpoint("externalcontact/groupchat/update_join_way", needs=Needs.CUSTOMERS, writes=True)
def update_join_way(call: Call) -> Row:
    """What is not said goes back to its default."""
    way = _way(call)
    call.host.commit("group_way", way={**way, **_way_fields(call)})
    call.effect = {"config_id": way["config_id"]}
    return {}


@endpoint("externalcontact/groupchat/del_join_way", needs=Needs.CUSTOMERS, writes=True)
def del_join_way(call: Call) -> Row:
    way = _way(call)
    call.host.commit("group_way_deleted", config_id=way["config_id"])
    call.effect = {"deleted": way["config_id"]}
    return {}


# --- welcomes -------------------------------------------------------------------------------------


def _welcome_fields(call: Call) -> Row:
    content, extras = message_text(call, most_bytes=MOST_WELCOME_BYTES), attachments(call)
    for kind in ("image", "link", "miniprogram", "file", "video"):
        if isinstance(call.body.get(kind), dict):
            extras = [*extras, {"msgtype": kind, kind: call.body[kind]}]
    if not content and not extras:
        raise ApiError(40063)
    return {"text": content, "attachments": extras}


@endpoint("externalcontact/group_welcome_template/add", needs=Needs.CUSTOMERS, writes=True)
def add_group_welcome(call: Call) -> Row:
    if len(call.world.group_welcomes) >= call.world.switches["group_welcomes_most"]:
        raise ApiError(41055)
    template_id = new_id("gw", 12)
    welcome = {"template_id": template_id, **_welcome_fields(call)}
    welcome["notify"] = number(call.body, "notify", 1)
    call.host.commit("group_welcome", welcome=welcome)
    call.effect = {"template_id": template_id}
    return {"template_id": template_id}


def _welcome(call: Call) -> Row:
    welcome = call.world.group_welcomes.get(text(call.body, "template_id"))
    if welcome is None:
        raise ApiError(40058)
    return welcome


@endpoint("externalcontact/group_welcome_template/edit", needs=Needs.CUSTOMERS, writes=True)
def edit_group_welcome(call: Call) -> Row:
    welcome = _welcome(call)
    call.host.commit("group_welcome", welcome={**welcome, **_welcome_fields(call)})
    call.effect = {"template_id": welcome["template_id"]}
    return {}


@endpoint("externalcontact/group_welcome_template/get", needs=Needs.CUSTOMERS)
def get_group_welcome(call: Call) -> Row:
    welcome = _welcome(call)
    told: Row = {"text": {"content": welcome["text"]}} if welcome["text"] else {}
    for item in welcome["attachments"]:
        told[item["msgtype"]] = item[item["msgtype"]]
    return told


@endpoint("externalcontact/group_welcome_template/del", needs=Needs.CUSTOMERS, writes=True)
def del_group_welcome(call: Call) -> Row:
    welcome = _welcome(call)
    call.host.commit("group_welcome_deleted", template_id=welcome["template_id"])
    call.effect = {"deleted": welcome["template_id"]}
    return {}


def sendable_groups(call: Call, sender: str) -> tuple[dict[str, str], list[str]]:
    """Whose groups a mass send reaches: those the sender owns; the others are named as failed."""
    own = {group["chat_id"] for group in own_groups(call, {sender})}
    asked = texts(call.body, "chat_id_list", most=2_000) or sorted(own)
    failed = [chat_id for chat_id in dict.fromkeys(asked) if chat_id not in own]
    return {chat_id: sender for chat_id in dict.fromkeys(asked) if chat_id in own}, failed


__all__ = ["CUSTOMER", "MEMBER", "own_groups", "sendable_groups"]
