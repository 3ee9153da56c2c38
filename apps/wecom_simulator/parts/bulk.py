"""Many guides with many contacts for next to nothing: rows are made when somebody looks at them.

A guide sleeps until something of theirs is changed; until then their contacts are computed from the
seed, always the same. Waking writes the computed rows into the world as if they had been there.
"""

import zlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅鹏飞雪琳"
REMEMBERED = 256
PREFIX = "wmBulk"


class Lazy(dict[str, Any]):
    """A dict that asks before it says no. Iteration shows what is awake."""

    def __init__(self, known: dict[str, Any], find: Any) -> None:
        super().__init__(known)
        self._find = find

    def __missing__(self, key: str) -> Any:
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def setdefault(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else super().setdefault(key, default)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or self._find(key) is not None


@dataclass
class Bulk:
    """`bulk`: userids, contacts (of each), seed, made_at, first (friendships before it)."""

    bulk: Row = field(default_factory=dict)
    bulk_awake: dict[str, int] = field(default_factory=dict)  # userid -> 1

    def start_bulk(self) -> None:
        """Wrap the three tables of people; call once they are filled."""
        world: Any = self
        self._places = {userid: n for n, userid in enumerate(self.bulk.get("userids", []))}
        self._recent: OrderedDict[str, dict[str, Row]] = OrderedDict()
        world.customers = Lazy(world.customers, self._bulk_customer)
        world.follows = Lazy(world.follows, self._bulk_follows)
        world.customers_of = Lazy(world.customers_of, self._bulk_customers_of)

    def contacts_of(self, userid: str) -> dict[str, Row]:
        """A member's friendships by customer, for reading: wakes nobody."""
        world: Any = self
        if userid in self._places and userid not in self.bulk_awake:
            return self._computed(userid)
        found: dict[str, Row] = dict.get(world.customers_of, userid, {})
        return found

    def asleep(self) -> list[str]:
        return [userid for userid in self._places if userid not in self.bulk_awake]

    def on_bulk(
        self, at: float, userids: list[str], contacts: int, seed: int, departments: list[Row],
        users: list[Row],
    ) -> None:  # fmt: skip
        world: Any = self
        world.on_seed(at, departments=departments, users=users, customers=[])
        self.bulk = {
            "userids": userids, "contacts": contacts, "seed": seed, "made_at": int(at),
            "first": world.follow_count,
        }  # fmt: skip
        self.bulk_awake = {}
        world.follow_count += len(userids) * contacts
        self._places = {userid: n for n, userid in enumerate(userids)}
        self._recent.clear()
        for userid in userids:
            if dict.get(world.customers_of, userid):  # has others already: one kind of row only
                self._wake(userid)

    def _ident(self, number: int) -> str:
        return f"{PREFIX}{self.bulk['seed'] % 10_000:04d}{number:010d}"

    def _owner(self, ident: object) -> str | None:
        """Whose contact this id is, if it is one of ours."""
        if not self.bulk or not isinstance(ident, str) or not ident.startswith(PREFIX):
            return None
        digits = ident.removeprefix(PREFIX)
        if len(digits) != 14 or not digits.isdigit():
            return None
        number = int(digits[4:])
        place = number // self.bulk["contacts"]
        if self._ident(number) != ident or place >= len(self.bulk["userids"]):
            return None
        return str(self.bulk["userids"][place])

    def _computed(self, userid: str) -> dict[str, Row]:
        known = self._recent.get(userid)
        if known is not None:
            return known
        bulk, each = self.bulk, self.bulk["contacts"]
        start = self._places[userid] * each
        rows = {}
        for number in range(start, start + each):
            ident = self._ident(number)
            rows[ident] = {
                "userid": userid, "remark": "", "description": "", "tag_ids": [],
                "createtime": bulk["made_at"] - (number * 7919) % 31_536_000,
                "remark_corp_name": "", "remark_mobiles": [], "add_way": 1, "oper_userid": userid,
                "state": "", "deleted_by_customer_at": None, "n": bulk["first"] + number + 1,
            }  # fmt: skip
        self._recent[userid] = rows
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return rows

    def _bulk_customer(self, ident: object) -> Row | None:
        owner = self._owner(ident)
        if owner is None or owner in self.bulk_awake:
            return None
        chance = zlib.crc32(f"{self.bulk['seed']}:{ident}".encode())
        given = (GIVEN[chance // 7 % len(GIVEN)], GIVEN[chance // 999 % len(GIVEN)])
        return {
            "external_userid": ident, "name": SURNAMES[chance % len(SURNAMES)] + "".join(given),
            "gender": (1, 2, 2)[chance // 31 % 3], "unionid": f"oBulk{str(ident)[-14:]}",
            "avatar": "", "type": 1,
        }  # fmt: skip

    def _bulk_follows(self, ident: object) -> dict[str, Row] | None:
        owner = self._owner(ident)
        if owner is None or owner in self.bulk_awake:
            return None
        self._wake(owner)
        world: Any = self
        found: dict[str, Row] | None = dict.get(world.follows, ident)
        return found

    def _bulk_customers_of(self, userid: object) -> dict[str, Row] | None:
        if userid not in self._places or userid in self.bulk_awake:
            return None
        self._wake(str(userid))
        world: Any = self
        found: dict[str, Row] | None = dict.get(world.customers_of, userid)
        return found

    def _wake(self, userid: str) -> None:
        """From now on this guide's rows are rows like all others."""
        world: Any = self
        rows = {ident: dict(row) for ident, row in self._computed(userid).items()}
        people = {ident: self._bulk_customer(ident) for ident in rows}
        self.bulk_awake[userid] = 1
        self._recent.pop(userid, None)
        mine = dict.setdefault(world.customers_of, userid, {})
        for ident, row in rows.items():
            dict.setdefault(world.customers, ident, people[ident])
            dict.setdefault(world.follows, ident, {})[userid] = row
            mine[ident] = row
