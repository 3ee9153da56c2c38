"""What is true here, as sets, for a mirror to be compared with."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator

from ..host import Host
from ..world import Row, World
from .base import control


def follows(world: World) -> Iterator[Row]:
    """Friendships that still exist on the member's side, by member and customer; one at a time,
    for there may be a million."""
    for userid in sorted({*world.users, *world.customers_of} - set(world.left_users)):
        for ident, follow in sorted(world.contacts_of(userid).items()):
            if follow.get("half"):  # the API does not show them either
                continue
            yield {
                "userid": userid, "external_userid": ident, "remark": follow["remark"],
                "description": follow["description"], "state": follow["state"],
                "createtime": follow["createtime"], "tags": sorted(follow["tag_ids"]),
                "deleted_by_customer": bool(follow["deleted_by_customer_at"]),
            }  # fmt: skip


def departments(world: World) -> list[Row]:
    names = ("id", "name", "parentid")
    rows = [{name: row[name] for name in names} for row in world.departments.values()]
    return sorted(rows, key=lambda row: int(row["id"]))


def users(world: World) -> list[Row]:
    names = ("userid", "name", "department", "status")
    rows = [
        {name: row[name] for name in names}
        for row in world.users.values()
        if row["userid"] not in world.left_users
    ]
    return sorted(rows, key=lambda row: str(row["userid"]))


def tags(world: World) -> list[Row]:
    rows = [
        {"id": tag["id"], "name": tag["name"], "group_id": group["group_id"],
         "group": group["group_name"], "order": tag["order"]}
        for group in world.tag_groups.values()
        for tag in group["tag"]
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row["id"])


def groups(world: World) -> list[Row]:
    rows = [
        {"chat_id": row["chat_id"], "name": row["name"], "owner": row["owner"],
         "members": sorted(row["members"]), "version": row["version"], "status": row["status"]}
        for row in world.groups.values() if not row["dismissed_at"]
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row["chat_id"])


def ways(world: World) -> list[Row]:
    names = ("config_id", "state", "user", "party", "remark")
    rows = [{name: row[name] for name in names} for row in world.ways.values()]
    return sorted(rows, key=lambda row: row["config_id"])


def links(world: World) -> list[Row]:
    rows = [
        {"link_id": row["link_id"], "link_name": row["link_name"],
         "customers": sorted(item["external_userid"] for item in row["customers"])}
        for row in world.links.values()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row["link_id"])


KINDS: dict[str, Callable[[World], Iterable[Row]]] = {
    "departments": departments, "users": users, "follows": follows, "tags": tags,
    "groups": groups, "ways": ways, "links": links,
}  # fmt: skip


@control("GET")
def truth(host: Host, data: Row) -> Row:
    """`?kind=follows,tags` (all), `?digest=1` for counts and digests alone."""
    wanted = str(data.get("kind") or ",".join(KINDS)).split(",")
    answer: Row = {"counts": {}, "digests": {}}
    with host.lock:
        answer["now"] = host.now()
        for kind in wanted:
            rows: list[Row] | None = None if data.get("digest") else []
            count, digest = _walk(KINDS[kind](host.world), rows)
            answer["counts"][kind], answer["digests"][kind] = count, digest
            if rows is not None:
                answer[kind] = rows
    return answer


def _walk(found: Iterable[Row], keep: list[Row] | None) -> tuple[int, str]:
    """Count and digest of rows in their order; kept only when somebody wants to read them."""
    digest, count = hashlib.sha256(), 0
    for row in found:
        line = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest.update(line.encode())
        count += 1
        if keep is not None:
            keep.append(row)
    return count, digest.hexdigest()
