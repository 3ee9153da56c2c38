"""What people do in customer groups, and the `change_external_chat` events that follow."""

from typing import Any

from ..host import Host, new_id
from ..world import Row, World
from .base import ActionError, require_customer, require_user
from .people import new_customer

MEMBER, CUSTOMER = 1, 2
INVITED, BY_LINK, BY_CODE = 1, 2, 3  # join_scene of groupchat/get
WENT, WAS_REMOVED = 0, 1  # QuitScene of the event


def version_of(group: Row) -> str:
    """The list of people has a version; an event names the one before and the one after."""
    return f"v{group['version']}"


def require_group(world: World, chat_id: Any) -> Row:
    group = world.groups.get(str(chat_id))
    if group is None or group["dismissed_at"]:
        raise ActionError(f"No group {chat_id!r}.")
    return group


def create_group(host: Host, data: Row) -> Row:
    """A member opens a group: {userid, name, external_userids: […], userids: […]}."""
    with host.transaction() as world:
        owner = require_user(world, data.get("userid"))["userid"]
        people = {owner: _person(host, MEMBER, owner, owner, INVITED)}
        for userid in data.get("userids") or []:
            ident = require_user(world, userid)["userid"]
            people[ident] = _person(host, MEMBER, ident, owner, INVITED)
        for external in data.get("external_userids") or []:
            ident = require_customer(world, external)["external_userid"]
            if ident not in world.customers_of.get(owner, {}):
                raise ActionError("A member invites their own friends only.")
            people[ident] = _person(host, CUSTOMER, ident, owner, INVITED)
        chat_id = open_group(host, owner=owner, name=str(data.get("name") or ""), people=people)
        return {"chat_id": chat_id}


def open_group(host: Host, *, owner: str, name: str, people: Row) -> str:
    """The group and its event; inside a transaction."""
    chat_id = new_id("wr", 15)
    host.commit("group", group={
        "chat_id": chat_id, "name": name, "owner": owner, "create_time": int(host.now()),
        "notice": "", "admins": [], "members": people, "version": 1, "status": 0,
        "dismissed_at": None, "messages": [],
    })  # fmt: skip
    host.queue_event(_event(chat_id, "create"))
    return chat_id


def _person(host: Host, kind: int, ident: str, invitor: str, scene: int, state: str = "") -> Row:
    row: Row = {"type": kind, "join_time": int(host.now()), "join_scene": scene}
    if scene != BY_CODE:
        row["invitor"] = invitor
    if state:
        row["state"] = state
    return row


def _event(chat_id: str, change: str, **fields: Any) -> Row:
    return {"Event": "change_external_chat", "ChatId": chat_id, "ChangeType": change, **fields}


def join_group(host: Host, data: Row) -> Row:
    """Somebody joins: {chat_id | config_id, external_userid | userid, scene: 1 | 2 | 3}.

    A customer nobody knows yet comes with a `name`.
    """
    with host.transaction() as world:
        way = _group_way(world, data.get("config_id"))
        group = _group_for(host, way) if way else require_group(world, data.get("chat_id"))
        ident, kind = (
            (new_customer(host, data), CUSTOMER) if data.get("name") else _who(world, data)
        )
        if ident in group["members"]:
            return {"chat_id": group["chat_id"], "ident": ident, "already_there": True}
        if len(group["members"]) >= world.switches["group_most_members"]:
            raise ActionError("The group is full.")
        scene = BY_CODE if way else int(data.get("scene", INVITED))
        invitor = str(data.get("invitor") or group["owner"])
        person = _person(host, kind, ident, invitor, scene, way["state"] if way else "")
        event = _people_change(
            host,
            group,
            joined={ident: person},
            left=[],
            detail="add_member",
            JoinScene=3 if scene == BY_CODE else 0,
        )
        return {"chat_id": group["chat_id"], "ident": ident, "event": event}


def _group_way(world: World, config_id: Any) -> Row | None:
    if not config_id:
        return None
    if config_id not in world.group_ways:
        raise ActionError(f"No group code {config_id!r}.")
    return world.group_ways[config_id]


def _group_for(host: Host, way: Row) -> Row:
    """The first group of a code that has room; a new one when the code says so."""
    world, most = host.world, host.world.switches["group_most_members"]
    alive = [
        world.groups[chat_id]
        for chat_id in way["chat_id_list"]
        if chat_id in world.groups and not world.groups[chat_id]["dismissed_at"]
    ]
    for group in alive:
        if len(group["members"]) < most:
            return group
    if not alive or not way["auto_create_room"]:
        raise ActionError("The groups of this code are full.")
    owner = alive[-1]["owner"]
    number = way["room_base_id"] + len(way["chat_id_list"]) - way["first_groups"]
    people = {owner: _person(host, MEMBER, owner, owner, INVITED)}
    name = f"{way['room_base_name'] or alive[-1]['name']}{number}"
    chat_id = open_group(host, owner=owner, name=name, people=people)
    host.commit("group_way", way={**way, "chat_id_list": [*way["chat_id_list"], chat_id]})
    return world.groups[chat_id]


def _who(world: World, data: Row) -> tuple[str, int]:
    if data.get("userid"):
        return require_user(world, data["userid"])["userid"], MEMBER
    if data.get("name"):
        return str(data.get("external_userid") or new_id("wm", 15)), CUSTOMER
    return require_customer(world, data.get("external_userid"))["external_userid"], CUSTOMER


def leave_group(host: Host, data: Row) -> Row:
    """Somebody goes or is removed: {chat_id, external_userid | userid, removed: true}."""
    with host.transaction() as world:
        group = require_group(world, data.get("chat_id"))
        ident, _kind = _who(world, data)
        if ident not in group["members"]:
            raise ActionError("Not in this group.")
        if ident == group["owner"]:
            raise ActionError("The owner gives the group to somebody else first.")
        scene = WAS_REMOVED if data.get("removed") else WENT
        event = _people_change(
            host, group, joined={}, left=[ident], detail="del_member", QuitScene=scene
        )
        return {"chat_id": group["chat_id"], "event": event}


def _people_change(
    host: Host, group: Row, *, joined: Row, left: list[str], detail: str, **fields: int
) -> str | None:
    before = version_of(group)
    host.commit("group_people", chat_id=group["chat_id"], joined=joined, left=left)
    changed = [*joined, *left]
    return host.queue_event(
        _event(group["chat_id"], "update", UpdateDetail=detail, **fields,
               MemChangeCnt=len(changed), MemChangeList=changed, LastMemVer=before,
               CurMemVer=version_of(host.world.groups[group["chat_id"]]))
    )  # fmt: skip


def edit_group(host: Host, data: Row) -> Row:
    """Rename, write a notice, or give it to another: {chat_id, name | notice | owner}."""
    details = {"name": "change_name", "notice": "change_notice", "owner": "change_owner"}
    with host.transaction() as world:
        group = require_group(world, data.get("chat_id"))
        fields = {name: str(data[name]) for name in details if name in data}
        if not fields:
            raise ActionError("Nothing to edit; known: name, notice, owner.")
        if "owner" in fields:
            fields["owner"] = require_user(world, fields["owner"])["userid"]
            if fields["owner"] not in group["members"]:
                raise ActionError("The new owner must be in the group.")
        host.commit("group_edited", chat_id=group["chat_id"], fields=fields)
        events = [
            host.queue_event(_event(group["chat_id"], "update", UpdateDetail=details[name]))
            for name in fields
        ]
        return {"chat_id": group["chat_id"], "events": events}


def dismiss_group(host: Host, data: Row) -> Row:
    """The owner dissolves the group."""
    with host.transaction() as world:
        group = require_group(world, data.get("chat_id"))
        host.commit("group_dismissed", chat_id=group["chat_id"])
        return {"event": host.queue_event(_event(group["chat_id"], "dismiss"))}


def group_rows(world: World, userid: str = "") -> list[Row]:
    """Living groups with their people; of one member when asked."""
    return [
        {**group, "version": version_of(group), "members": [
            {"id": ident, "name": name_in(world, ident), **person}
            for ident, person in group["members"].items()
        ]}
        for group in world.groups.values()
        if not group["dismissed_at"] and (not userid or userid in group["members"])
    ]  # fmt: skip


def name_in(world: World, ident: str) -> str:
    row = world.users.get(ident) or world.customers.get(ident) or {}
    return str(row.get("name", ident))


def say_in_group(host: Host, data: Row) -> Row:
    """Somebody writes in a group; the API never sees it: {chat_id, from, text}."""
    with host.transaction() as world:
        group = require_group(world, data.get("chat_id"))
        sender, text = str(data.get("from") or ""), str(data.get("text") or "")
        attachments = data.get("attachments") or []
        if sender not in group["members"]:
            raise ActionError("Not in this group.")
        if not text and not attachments:
            raise ActionError("An empty message.")
        via = str(data.get("via") or "typed")
        message = {"from": sender, "text": text, "attachments": attachments, "via": via}
        host.commit("group_message", chat_id=group["chat_id"], message=message)
        return {"arrived": True}
