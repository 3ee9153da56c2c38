"""From a tree of conditions to one SELECT with bound values.

Leaves are two-valued (`IS TRUE`), so that "not" is exactly the rest; relative days are resolved to
fixed dates once, and those bounds are kept with the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from apps.core import clock
from apps.segments.catalogue import FIELDS, Field, Kind
from apps.segments.errors import SegmentError

MAX_DEPTH = 6
MAX_LEAVES = 60
MAX_VALUES = 2000
MAX_NUMBER = 2**53

_TAG_OPERATORS = {"any": "&&", "all": "@>", "none": "&&"}


@dataclass(frozen=True)
class CompiledSegment:
    """`sql` yields survivor ids in one column `id`; `params` are its bound values, in order."""

    sql: str
    params: list[Any]
    bounds: dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """A boolean expression over the aliases m and p."""

    sql: str
    params: list[Any] = field(default_factory=list)


@dataclass
class _Resolver:
    """What one compilation knows: the day it stands on, the bounds it has fixed, the leaves so
    far.
    """

    today: date
    bounds: dict[str, Any]
    leaves: int = 0
    profile: bool = False

    def tree(self, node: Any, path: str, depth: int) -> Condition:
        if not isinstance(node, dict):
            raise SegmentError(_("A condition is not readable."))
        if depth > MAX_DEPTH:
            raise SegmentError(_("Groups are nested too deeply."))
        if "op" in node:
            return self.group(node, path, depth)
        return self.leaf(node, path)

    def group(self, node: dict[str, Any], path: str, depth: int) -> Condition:
        op, items = node.get("op"), node.get("items")
        if op not in ("and", "or", "not") or not isinstance(items, list):
            raise SegmentError(_("A group must be and, or, or not, with its conditions."))
        parts = [
            self.tree(item, f"{path}.{place}" if path else str(place), depth + 1)
            for place, item in enumerate(items)
        ]
        if not parts:
            # an empty group narrows nothing: that is how the builder starts
            return Condition("TRUE")
        return combine(op, parts)

    def leaf(self, node: dict[str, Any], path: str) -> Condition:
        self.leaves += 1
        if self.leaves > MAX_LEAVES:
            raise SegmentError(_("There are too many conditions."))
        found = FIELDS.get(str(node.get("field")))
        if found is None:
            raise SegmentError(
                _("There is no field “%(field)s”.") % {"field": str(node.get("field"))[:40]}
            )
        operator = str(node.get("operator"))
        if operator not in found.allowed():
            raise SegmentError(
                _("“%(field)s” cannot be compared in this way.") % {"field": found.label}
            )
        self.profile = self.profile or found.profile
        return _BUILDERS[found.kind](self, found, operator, node.get("value"), path)


def combine(op: str, parts: list[Condition]) -> Condition:
    """Join conditions by and / or; not = none of them."""
    joiner = " AND " if op == "and" else " OR "
    sql = "(" + joiner.join(part.sql for part in parts) + ")"
    params = [value for part in parts for value in part.params]
    return Condition(f"(NOT {sql})" if op == "not" else sql, params)


def _two_valued(sql: str, params: list[Any], *, negate: bool = False) -> Condition:
    test = "IS NOT TRUE" if negate else "IS TRUE"
    return Condition(f"(({sql}) {test})", params)


def _bad_value(found: Field) -> SegmentError:
    return SegmentError(_("“%(field)s” has a value that does not fit.") % {"field": found.label})


def _integer(found: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise _bad_value(found)
    return value


def _range(found: Field, operator: str, value: Any) -> tuple[int | None, int | None]:
    """Lower and upper bound, both in, of a number, days or money."""
    if operator == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise _bad_value(found)
        low, high = _integer(found, value[0]), _integer(found, value[1])
        return min(low, high), max(low, high)
    number = _integer(found, value)
    return (number, None) if operator == "gte" else (None, number)


def _tests(
    sql: str, low: Any, high: Any, *, cast: str, inside: Sequence[Any] = ()
) -> tuple[str, list[Any]]:
    """Lower and upper bound as SQL; `inside`: what is bound in the expression itself."""
    tests: list[str] = []
    params: list[Any] = []
    if low is not None:
        tests.append(f"{sql} >= %s::{cast}")
        params += [*inside, low]
    if high is not None:
        tests.append(f"{sql} <= %s::{cast}")
        params += [*inside, high]
    return " AND ".join(tests), params


def _between(sql: str, low: Any, high: Any, *, cast: str) -> Condition:
    return _two_valued(*_tests(sql, low, high, cast=cast))


def _total(resolver: _Resolver, found: Field, low: int | None, high: int | None) -> Condition:
    """A number over many rows of each member: one grouping for everybody, looked up by member."""
    days = [resolver.today + timedelta(days=ahead) for ahead in found.params]
    test, params = _tests(found.sql, low, high, cast="bigint", inside=days)
    without = found.without
    # who has no row is found by what the others are not
    others = without is not None and (low or 0) <= without and (high is None or without <= high)
    test = f"NOT ({test})" if others else test
    ids = f"SELECT person.survivor_id FROM {found.rows} GROUP BY person.survivor_id HAVING {test}"
    return _two_valued(f"m.id IN ({ids})", [resolver.today, *params], negate=others)


def _number(resolver: _Resolver, found: Field, operator: str, value: Any, path: str) -> Condition:
    low, high = _range(found, operator, value)
    if found.rows:
        return _total(resolver, found, low, high)
    return _between(found.sql, low, high, cast="bigint")


def _days(resolver: _Resolver, found: Field, operator: str, value: Any, path: str) -> Condition:
    """Days ago are calendar days of the chain: at least 90 days ago = on or before today − 90."""
    low, high = _range(found, operator, value)
    try:
        until = resolver.today - timedelta(days=low) if low is not None else None
        since = resolver.today - timedelta(days=high) if high is not None else None
    except OverflowError:
        raise _bad_value(found) from None
    resolver.bounds[path or "0"] = {
        "field": found.key,
        "from": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
    }
    return _between(found.sql, since, until, cast="date")


def _bool(resolver: _Resolver, found: Field, operator: str, value: Any, path: str) -> Condition:
    if not isinstance(value, bool):
        raise _bad_value(found)
    return _two_valued(found.sql, list(found.params), negate=not value)


def _values(found: Field, value: Any, kind: type) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
        raise _bad_value(found)
    if any(not isinstance(each, kind) or isinstance(each, bool) for each in value):
        raise _bad_value(found)
    if kind is int and any(not 0 <= each <= 2**31 - 1 for each in value):
        raise _bad_value(found)
    if kind is str and any("\x00" in each or len(each) > 60 for each in value):
        raise _bad_value(found)
    return value


def _choice(resolver: _Resolver, found: Field, operator: str, value: Any, path: str) -> Condition:
    known = {choice for choice, _label in found.choices}
    kind = int if known and isinstance(next(iter(known)), int) else str
    values = _values(found, value, kind)
    if known and not set(values) <= known:
        raise _bad_value(found)
    cast = "int[]" if kind is int else "text[]"
    return _two_valued(f"{found.sql} = ANY(%s::{cast})", [values], negate=operator == "not_in")


def _tags(resolver: _Resolver, found: Field, operator: str, value: Any, path: str) -> Condition:
    sql = found.sql.format(op=_TAG_OPERATORS[operator])
    return _two_valued(sql, [_values(found, value, int)], negate=operator == "none")


def _reference(
    resolver: _Resolver, found: Field, operator: str, value: Any, path: str
) -> Condition:
    return _two_valued(found.sql, [_values(found, value, int)], negate=operator == "not_in")


_BUILDERS = {
    Kind.CHOICE: _choice,
    Kind.NUMBER: _number,
    Kind.MONEY: _number,
    Kind.DAYS: _days,
    Kind.BOOL: _bool,
    Kind.TAGS: _tags,
    Kind.REFERENCE: _reference,
}


def compile_condition(
    definition: Any, *, now: datetime, path: str = ""
) -> tuple[Condition, dict[str, Any]]:
    """The condition of a tree and its resolved bounds. Raises SegmentError with a sentence."""
    today = clock.business_day(now)
    bounds: dict[str, Any] = {"today": today.isoformat()}
    resolver = _Resolver(today=today, bounds=bounds)
    return resolver.tree(definition, path, 1), bounds


def rests_on_profile(definition: Any) -> bool:
    """Does a tree choose people by what was worked out about them from their purchases?"""
    if not isinstance(definition, dict):
        return False
    if "op" in definition:
        return any(rests_on_profile(item) for item in definition.get("items") or [])
    found = FIELDS.get(str(definition.get("field")))
    return found is not None and found.profile


def base_sql(select: str) -> str:
    """All living survivors with their profile: what every condition is tested on."""
    return (
        f"SELECT {select} FROM members_member m"
        " LEFT JOIN profiles_memberprofile p ON p.member_id = m.id"
        " WHERE m.survivor_id = m.id AND m.erased_at IS NULL"
    )


def compile_definition(definition: Any, *, now: datetime) -> CompiledSegment:
    """One SELECT of survivor ids for a tree, with every value bound. Raises SegmentError."""
    condition, bounds = compile_condition(definition, now=now)
    return CompiledSegment(f"{base_sql('m.id')} AND {condition.sql}", condition.params, bounds)
