"""What an administrator does in the admin site: members and departments come, change and go.

Each change is told twice: as `change_contact` to whoever receives contact changes, and to an app
whose visible range somebody enters or leaves as `subscribe` and `unsubscribe`.
"""

from ..host import Host
from ..visible import is_in_range
from ..world import Row, World
from .base import ActionError, require_user

# what an address configured after 2022-08-15 is told of: these fields alone, and no others' changes
TOLD = ("department", "is_leader_in_dept", "direct_leader")
EDITABLE = {*TOLD, "name", "position", "status", "can_follow", "banned"}


def create_user(host: Host, data: Row) -> Row:
    """{userid, name, department, position?}: a new account, or one made anew after it was gone."""
    with host.transaction() as world:
        known = world.user_names.get(str(data["userid"]).lower())
        if known is not None and known not in world.left_users:
            raise ActionError("There is such a member already.")
        userid = known or str(data["userid"])
        fields = {name: value for name, value in data.items() if name in EDITABLE}
        base = {"userid": userid, "name": userid, "department": [1], "position": "", "status": 1}
        user = {**base, **fields}
        _require_departments(world, user["department"])
        before = _apps_of(world, userid)
        host.commit("seed", departments=[], users=[user], customers=[])
        event = _tell(host, "create_user", {"UserID": userid, "Department": _joined(user)})
        _tell_apps(host, userid, before)
        return {"userid": userid, "event": event}


def edit_user(host: Host, data: Row) -> Row:
    """{userid, department?, name?, position?, status?, …}. Only what has to do with departments is
    told to anybody."""
    fields = {name: value for name, value in data.items() if name in EDITABLE}
    if not fields:
        raise ActionError(f"Nothing to edit; known: {', '.join(sorted(EDITABLE))}.")
    with host.transaction() as world:
        old = _require_staff(world, data)
        _require_departments(world, fields.get("department", []))
        before = _apps_of(world, old["userid"])
        told = any(name in fields and fields[name] != old.get(name) for name in TOLD)
        host.commit("seed", departments=[], users=[{**old, **fields}], customers=[])
        event = None
        if told:
            user = world.users[old["userid"]]
            about = {"UserID": user["userid"], "Department": _joined(user)}
            event = _tell(host, "update_user", about)
        _tell_apps(host, old["userid"], before)
        return {"userid": old["userid"], "event": event}


def leave_company(host: Host, data: Row) -> Row:
    """A member's account is deleted: {userid}. Their customers and groups wait for an heir."""
    with host.transaction() as world:
        userid = _require_staff(world, data)["userid"]
        before = _apps_of(world, userid)
        host.commit("user_left", userid=userid)
        for group in world.groups_of(userid):
            host.commit("group_edited", chat_id=group["chat_id"], fields={"status": 1})
        waiting = len(world.customers_of.get(userid, {}))
        _tell(host, "delete_user", {"UserID": userid})
        _tell_apps(host, userid, before)
        return {"userid": userid, "customers": waiting}


def keep_department(host: Host, data: Row) -> Row:
    """{id?, name, parentid, order?}: a new department, or another name, place or order for one."""
    with host.transaction() as world:
        numbers = [int(ident) for ident in world.departments]
        ident = int(data.get("id") or max(numbers, default=0) + 1)
        old = world.departments.get(str(ident))
        if old is None and not data.get("name"):
            raise ActionError("A new department needs a name.")
        given: Row = {name: data[name] for name in ("name", "parentid", "order") if name in data}
        row: Row = {"id": ident, "parentid": 1, "order": 0, **(old or {}), **given}
        if ident != 1:
            _require_departments(world, [row["parentid"]])
        if str(row["parentid"]) in world.department_tree(str(ident)):
            raise ActionError("A department cannot lie below itself.")
        before = _everybody(world)
        host.commit("seed", departments=[row], users=[], customers=[])
        about: Row = {"Id": ident, "Name": row["name"], "ParentId": int(row["parentid"])}
        if old is None:
            about["Order"] = int(row["order"])
        event = _tell(host, "update_party" if old else "create_party", about)
        for userid, apps in before.items():
            _tell_apps(host, userid, apps)
        return {"id": ident, "event": event}


def delete_department(host: Host, data: Row) -> Row:
    """{id}: only an empty one, as in the admin site."""
    with host.transaction() as world:
        ident = str(data["id"])
        _require_departments(world, [ident])
        if ident == "1" or len(world.department_tree(ident)) > 1:
            raise ActionError("The root, or a department with others below it, stays.")
        if any(ident in map(str, u["department"]) for u in world.users.values()
               if u["userid"] not in world.left_users):  # fmt: skip
            raise ActionError("Members sit in this department.")
        host.commit("department_deleted", ident=ident)
        return {"event": _tell(host, "delete_party", {"Id": int(ident)})}


def _require_staff(world: World, data: Row) -> Row:
    user = require_user(world, data.get("userid"))
    if user["userid"] in world.left_users:
        raise ActionError("This member has left.")
    return user


def _require_departments(world: World, idents: list[object]) -> None:
    missing = [str(ident) for ident in idents if str(ident) not in world.departments]
    if missing:
        raise ActionError(f"No department {', '.join(missing)}.")


def _joined(user: Row) -> str:
    return ",".join(str(ident) for ident in user["department"])


def _apps_of(world: World, userid: str) -> set[str]:
    """Apps whose visible range holds this member."""
    agents = world.corp.get("agents", {})
    return {app for app, agent in agents.items() if is_in_range(world, agent, userid)}


def _everybody(world: World) -> dict[str, set[str]]:
    """A moved department moves its people; nobody is asked while every app sees everybody."""
    agents = world.corp.get("agents", {}).values()
    if all(agent.get("visible_departments") is None for agent in agents):
        return {}
    return {userid: _apps_of(world, userid) for userid in world.users}


def _tell(host: Host, change: str, fields: Row) -> str | None:
    return host.queue_event({"Event": "change_contact", "ChangeType": change, **fields})


def _tell_apps(host: Host, userid: str, before: set[str]) -> None:
    after = _apps_of(host.world, userid)
    for event, apps in (("subscribe", after - before), ("unsubscribe", before - after)):
        for app in sorted(apps):
            host.queue_event({
                "FromUserName": userid, "Event": event, "EventKey": "", "AgentID": int(app),
            })  # fmt: skip
