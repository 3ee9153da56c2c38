"""An app's visible range: whole departments and single members, remembered between calls."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .world import Row, World

if TYPE_CHECKING:
    from .host import Host

Range = tuple[frozenset[str] | None, frozenset[str]]


class Visible:
    """What each range comes to, until somebody joins, moves or leaves."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self._version = (0, -1)
        self._departments: dict[tuple[str, ...], set[str]] = {}
        self._members: dict[Range, set[str]] = {}

    def sees(self, agent: Row, userid: str) -> bool:
        """One member, without building the whole set."""
        return is_in_range(self.host.world, agent, userid, self._tree)

    def members(self, agent: Row) -> set[str]:
        world, asked = self.host.world, range_of(agent)
        self._refresh(world)
        if asked not in self._members:
            self._members[asked] = {userid for userid in world.users if self.sees(agent, userid)}
        return self._members[asked]

    def sees_department(self, agent: Row, department: str) -> bool:
        roots, _ = range_of(agent)
        return roots is None or department in self._tree(self.host.world, roots)

    def _tree(self, world: World, roots: frozenset[str]) -> set[str]:
        self._refresh(world)
        key = tuple(sorted(roots))
        if key not in self._departments:
            self._departments[key] = _below(world, roots)
        return self._departments[key]

    def _refresh(self, world: World) -> None:
        version = (id(world), world.people_version)
        if self._version != version:
            self._version = version
            self._departments.clear()
            self._members.clear()


def _below(world: World, roots: frozenset[str]) -> set[str]:
    return {item for root in roots for item in world.department_tree(root)}


def is_in_range(
    world: World,
    agent: Row,
    userid: str,
    tree: Callable[[World, frozenset[str]], set[str]] = _below,
) -> bool:
    """One member. Nothing is remembered unless `tree` does, for a change that is being made."""
    user = world.users.get(userid)
    if user is None or userid in world.left_users:
        return False
    roots, single = range_of(agent)
    if roots is None or userid in single:
        return True
    return not tree(world, roots).isdisjoint(str(item) for item in user["department"])


def range_of(agent: Row) -> Range:
    """Departments (None: everybody) and single members."""
    roots, single = agent.get("visible_departments"), agent.get("visible_users")
    if roots is None and single is None:
        return None, frozenset()
    return frozenset(str(root) for root in roots or []), frozenset(single or [])
