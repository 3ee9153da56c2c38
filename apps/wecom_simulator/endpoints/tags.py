"""Corp tags and their groups."""

from ..errors import ApiError
from ..host import new_id
from ..world import Row
from .base import Call, Needs, endpoint, number, optional_text, text, texts

MOST_TAGS = 3000
MOST_ORDER = 2**32 - 1


def _public(group: Row) -> Row:
    tags = sorted(group["tag"], key=lambda tag: -tag["order"])
    names = ("id", "name", "create_time", "order")
    return {
        "group_id": group["group_id"],
        "group_name": group["group_name"],
        "create_time": group["create_time"],
        "order": group["order"],
        "tag": [{name: tag[name] for name in names} for tag in tags],
    }


@endpoint("externalcontact/get_corp_tag_list", needs=Needs.CUSTOMERS)
def get_corp_tag_list(call: Call) -> Row:
    """All groups; `group_id` wins over `tag_id`."""
    groups = list(call.world.tag_groups.values())
    group_ids = texts(call.body, "group_id", most=1000)
    tag_ids = texts(call.body, "tag_id", most=1000)
    if group_ids:
        groups = [group for group in groups if group["group_id"] in group_ids]
    elif tag_ids:
        groups = [
            {**group, "tag": [tag for tag in group["tag"] if tag["id"] in tag_ids]}
            for group in groups
            if any(tag["id"] in tag_ids for tag in group["tag"])
        ]
    return {"tag_group": [_public(g) for g in sorted(groups, key=lambda row: -row["order"])]}


def _order(body: Row) -> int:
    order = number(body, "order", 0)
    if not 0 <= order <= MOST_ORDER:
        raise ApiError(40058)
    return order


def _group_for_new_tags(call: Call) -> Row:
    groups = call.world.tag_groups
    group_id = optional_text(call.body, "group_id")
    if group_id:
        if group_id not in groups:
            raise ApiError(40068)
        return groups[group_id]
    name = text(call.body, "group_name")
    if len(name) > 30:
        raise ApiError(40072)
    for group in groups.values():
        if group["group_name"] == name:
            return group
    return {
        "group_id": new_id("et", 15), "group_name": name, "create_time": int(call.now),
        "order": _order(call.body), "app": call.app, "tag": [],
    }  # fmt: skip


@endpoint("externalcontact/add_corp_tag", needs=Needs.CUSTOMERS, writes=True)
def add_corp_tag(call: Call) -> Row:
    """Into an existing group of that name if there is one; names double in the request collapse."""
    wanted = call.body.get("tag")
    if not isinstance(wanted, list) or not wanted:
        raise ApiError(40063)
    group = _group_for_new_tags(call)
    known = {tag["name"] for tag in group["tag"]}
    fresh: dict[str, Row] = {}
    for item in wanted:
        name = text(item, "name") if isinstance(item, dict) else ""
        if not name or len(name) > 30:
            raise ApiError(40072)
        if name in known:
            raise ApiError(40071)
        fresh.setdefault(name, {
            "id": new_id("et", 15), "name": name, "create_time": int(call.now),
            "order": _order(item), "app": call.app,
        })  # fmt: skip
    total = sum(len(row["tag"]) for row in call.world.tag_groups.values())
    if total + len(fresh) > MOST_TAGS:
        raise ApiError(40126)
    call.host.commit("tag_group", group={**group, "tag": [*group["tag"], *fresh.values()]})
    call.effect = {"tags": [tag["id"] for tag in fresh.values()]}
    return {"tag_group": _public({**group, "tag": list(fresh.values())})}


@endpoint("externalcontact/edit_corp_tag", needs=Needs.CUSTOMERS, writes=True)
def edit_corp_tag(call: Call) -> Row:
    ident = text(call.body, "id")
    name = optional_text(call.body, "name")
    if len(name) > 30:
        raise ApiError(40072)
    changes: Row = {"order": _order(call.body)} if "order" in call.body else {}
    group = call.world.tag_groups.get(ident)
    if group is not None:
        _only_own(call, group)
        changes.update({"group_name": name} if name else {})
        call.host.commit("tag_group", group={**group, **changes})
    else:
        changes.update({"name": name} if name else {})
        call.host.commit("tag_group", group=_with_edited_tag(call, ident, changes))
    call.effect = {"edited": ident}
    return {}


def _with_edited_tag(call: Call, ident: str, changes: Row) -> Row:
    for group in call.world.tag_groups.values():
        for tag in group["tag"]:
            if tag["id"] != ident:
                continue
            _only_own(call, tag)
            others = {other["name"] for other in group["tag"] if other is not tag}
            if changes.get("name") in others:
                raise ApiError(40071)
            edited = [{**row, **changes} if row is tag else row for row in group["tag"]]
            return {**group, "tag": edited}
    raise ApiError(40068)


def _only_own(call: Call, row: Row) -> None:
    """An app edits and deletes only what it created itself."""
    if row["app"] != call.app:
        raise ApiError(81011)


@endpoint("externalcontact/del_corp_tag", needs=Needs.CUSTOMERS, writes=True)
def del_corp_tag(call: Call) -> Row:
    tag_ids = texts(call.body, "tag_id", most=1000)
    group_ids = texts(call.body, "group_id", most=1000)
    if not tag_ids and not group_ids:
        raise ApiError(40063)
    groups = call.world.tag_groups
    tags = {tag["id"]: tag for group in groups.values() for tag in group["tag"]}
    if set(tag_ids) - set(tags) or set(group_ids) - set(groups):
        raise ApiError(40068)
    for row in [tags[item] for item in tag_ids] + [groups[item] for item in group_ids]:
        _only_own(call, row)
    call.host.commit("tags_deleted", tag_ids=tag_ids, group_ids=group_ids)
    call.effect = {"deleted_tags": tag_ids, "deleted_groups": group_ids}
    return {}
