"""Corp tags as an administrator edits them in the client: no app may change these (81011)."""

from ..host import Host, new_id
from ..world import Row, World
from .base import ActionError


def create_tag(host: Host, data: Row) -> Row:
    """{name, group_name or group_id}: one event for the tag, one more for a new group."""
    with host.transaction() as world:
        name, now = str(data.get("name") or ""), int(host.now())
        if not name:
            raise ActionError("A tag needs a name.")
        group, fresh = _group(world, data, now)
        if any(tag["name"] == name for tag in group["tag"]):
            raise ActionError("The group has this tag already.")
        tag: Row = {"id": new_id("et", 15), "name": name, "create_time": now, "order": 0, "app": ""}
        host.commit("tag_group", group={**group, "tag": [*group["tag"], tag]})
        if fresh:
            _tell(host, "create", group["group_id"], "tag_group")
        event = _tell(host, "create", tag["id"], "tag")
        return {"id": tag["id"], "group_id": group["group_id"], "event": event}


def _group(world: World, data: Row, now: int) -> tuple[Row, bool]:
    known = world.tag_groups.get(str(data.get("group_id")))
    name = str(data.get("group_name") or "")
    named = [group for group in world.tag_groups.values() if group["group_name"] == name]
    if known or named:
        return known or named[0], False
    if not name:
        raise ActionError("Which group? group_id or group_name.")
    fresh: Row = {
        "group_id": new_id("et", 15), "group_name": name, "create_time": now, "order": 0,
        "app": "", "tag": [],
    }  # fmt: skip
    return fresh, True


def rename_tag(host: Host, data: Row) -> Row:
    """{id, name} of a tag or of a group."""
    with host.transaction() as world:
        ident, name = str(data.get("id")), str(data.get("name") or "")
        if not name:
            raise ActionError("A name, please.")
        group = world.tag_groups.get(ident)
        if group is not None:
            host.commit("tag_group", group={**group, "group_name": name})
            return {"event": _tell(host, "update", ident, "tag_group")}
        group = _group_of(world, ident)
        tags = [{**tag, "name": name} if tag["id"] == ident else tag for tag in group["tag"]]
        host.commit("tag_group", group={**group, "tag": tags})
        return {"event": _tell(host, "update", ident, "tag")}


def _group_of(world: World, tag_id: str) -> Row:
    for group in world.tag_groups.values():
        if any(tag["id"] == tag_id for tag in group["tag"]):
            return group
    raise ActionError("No such tag.")


def delete_tag(host: Host, data: Row) -> Row:
    """{id}: a group takes its tags with it, without an event for each."""
    with host.transaction() as world:
        ident = str(data.get("id"))
        is_group = ident in world.tag_groups
        if not is_group:
            _group_of(world, ident)
        host.commit(
            "tags_deleted",
            tag_ids=[] if is_group else [ident],
            group_ids=[ident] if is_group else [],
        )
        return {"event": _tell(host, "delete", ident, "tag_group" if is_group else "tag")}


def shuffle_tags(host: Host, data: Row) -> Row:
    """{group_id}: the order of its tags is turned round; without one, that of the groups."""
    with host.transaction() as world:
        ident = str(data.get("group_id") or "")
        if ident and ident not in world.tag_groups:
            raise ActionError("No such group.")
        groups = list(world.tag_groups.values())
        for place, group in enumerate(groups):
            if not ident:
                host.commit("tag_group", group={**group, "order": place + 1})
            elif group["group_id"] == ident:
                tags = [{**tag, "order": number + 1} for number, tag in enumerate(group["tag"])]
                host.commit("tag_group", group={**group, "tag": tags})
        fields = {"Event": "change_external_tag", "ChangeType": "shuffle", "Id": ident}
        return {"event": host.queue_event(fields)}


def _tell(host: Host, kind: str, ident: str, what: str) -> str | None:
    return host.queue_event({
        "Event": "change_external_tag", "Id": ident, "TagType": what, "ChangeType": kind,
    })  # fmt: skip
