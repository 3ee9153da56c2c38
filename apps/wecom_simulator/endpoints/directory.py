"""Departments and members."""

from ..errors import ApiError
from ..world import Row
from .base import Call, descendants, endpoint


def _departments(call: Call) -> list[Row]:
    root = call.query.get("id")
    world = call.world
    if not root:
        rows = sorted(world.departments.values(), key=lambda row: row["id"])
        return [row for row in rows if call.sees_department(str(row["id"]))]
    _require_department(call, root)
    return [world.departments[item] for item in descendants(world, root)]


def _require_department(call: Call, ident: str) -> Row:
    """It exists, and this app may see it."""
    if ident not in call.world.departments:
        raise ApiError(60123)
    if not call.sees_department(ident):
        raise ApiError(60011)
    return call.world.departments[ident]


IDS_ALONE = 5  # times as many departments fit into an answer without names


def _check_size(call: Call, rows: list[Row], *, times: int = 1) -> list[Row]:
    most = call.world.switches["departments_most"]
    if most is not None and len(rows) > most * times:
        raise ApiError(45029)
    return rows


@endpoint("department/list")
def department_list(call: Call) -> Row:
    return {"department": [
        {"id": row["id"], "name": row["name"], "name_en": "", "department_leader": [],
         "parentid": row["parentid"], "order": row["order"]}
        for row in _check_size(call, _departments(call))
    ]}  # fmt: skip


@endpoint("department/simplelist")
def department_simplelist(call: Call) -> Row:
    return {"department_id": [
        {"id": row["id"], "parentid": row["parentid"], "order": row["order"]}
        for row in _check_size(call, _departments(call), times=IDS_ALONE)
    ]}  # fmt: skip


@endpoint("department/get")
def department_get(call: Call) -> Row:
    row = _require_department(call, call.query.get("id", ""))
    names = ("id", "name", "parentid", "order")
    return {"department": {"department_leader": [], **{name: row[name] for name in names}}}


def _members(call: Call) -> list[Row]:
    root = call.query.get("department_id", "")
    _require_department(call, root)
    inside = {root}
    if call.query.get("fetch_child") == "1":
        inside = set(descendants(call.world, root))
    visible = call.visible_users()
    return [
        user
        for user in call.world.users.values()
        if user["userid"] in visible and inside & {str(item) for item in user["department"]}
    ]


@endpoint("user/simplelist")
def user_simplelist(call: Call) -> Row:
    names = ("userid", "name", "department")
    return {"userlist": [{name: user[name] for name in names} for user in _members(call)]}


@endpoint("user/list")
def user_list(call: Call) -> Row:
    return {"userlist": [_detail(user) for user in _members(call)]}


@endpoint("user/get")
def user_get(call: Call) -> Row:
    userid = call.query.get("userid", "")
    if not userid:
        raise ApiError(40063)
    return _detail(call.user(userid))


def _detail(user: Row) -> Row:
    """As a newer app gets it: no mobile, email, avatar, gender or QR code."""
    departments = user["department"]
    return {
        "userid": user["userid"],
        "name": user["name"],
        "department": departments,
        "order": [0] * len(departments),
        "position": user["position"],
        "status": user["status"],
        "is_leader_in_dept": user.get("is_leader_in_dept") or [0] * len(departments),
        "direct_leader": [],
        "main_department": departments[0] if departments else 1,
        "alias": "",
        "telephone": "",
        "extattr": {"attrs": []},
    }
