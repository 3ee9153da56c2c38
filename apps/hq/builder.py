"""The rule builder: a tree of conditions ↔ the fields of a form. Works without any script.

Every node has a path ("2.0" = the first of the third). The form carries, per node, `node` (kind
and path, in order) and the node's own fields: `op:2` of a group, `f:2.0`, `o:2.0`, `v:2.0` (and
`w:2.0`, the upper end of a range) of a line. A button's `do` says what shall change: add, group,
not, remove, and the path.
"""

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.cache import cache
from django.http import QueryDict
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.members.models import Member
from apps.segments.catalogue import FIELDS, Kind
from apps.segments.catalogue import Field as CatalogueField
from apps.tagging.models import Tag

Tree = dict[str, Any]

EVERYBODY: Tree = {"op": "and", "items": []}
NOBODY: Tree = {"op": "not", "items": [EVERYBODY]}
FEN = 100
RANGED = (Kind.NUMBER, Kind.DAYS, Kind.MONEY)
MAX_OPTIONS = 500
MAX_NODES = 120
LEVEL_SECONDS = 300


# --- from the form -------------------------------------------------------------------------------


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _whole(text: str) -> int | None:
    text = text.strip().replace(",", "")
    return int(text) if text.isdecimal() and len(text) < 13 else None


def _number(found: CatalogueField, text: str) -> int | None:
    value = _whole(text)
    if value is None:
        return None
    return value * FEN if found.kind is Kind.MONEY else value


def _value(found: CatalogueField, operator: str, data: QueryDict, path: str) -> Any:
    """The typed value of a line, None while it is not filled in."""
    given = data.getlist(f"v:{path}")
    if found.kind is Kind.BOOL:
        return given[:1] != ["no"]
    if found.kind in RANGED:
        low = _number(found, given[0]) if given else None
        if operator != "between":
            return low
        high = _number(found, data.get(f"w:{path}", ""))
        return None if low is None or high is None else [low, high]
    if found.lookup or (found.choices and isinstance(found.choices[0][0], int)):
        return [number for text in given if (number := _whole(text)) is not None] or None
    return [text for text in given if text != "-"] or None


def _leaf(data: QueryDict, path: str) -> Tree:
    key = data.get(f"f:{path}", "")
    found = FIELDS.get(key) or FIELDS["stage"]
    operator = data.get(f"o:{path}", "")
    # another field was chosen: what stood there was about the field before
    fresh = data.get(f"was:{path}", found.key) != found.key
    if operator not in found.allowed():
        operator = next(iter(found.allowed()))
    value = True if fresh and found.kind is Kind.BOOL else None
    if not fresh:
        value = _value(found, operator, data, path)
    return {"field": found.key, "operator": operator, "value": value}


def parse(data: QueryDict) -> Tree:
    """The tree as the form shows it; a line that is not filled in has the value None."""
    nodes: dict[str, Tree] = {"": {"op": _joiner(data, ""), "items": []}}
    for entry in data.getlist("node"):
        kind, _colon, path = entry.partition(":")
        if not path or path in nodes or _parent(path) not in nodes or len(nodes) > MAX_NODES:
            continue
        node = {"op": _joiner(data, path), "items": []} if kind == "g" else _leaf(data, path)
        parent = nodes[_parent(path)]
        if "items" in parent:
            parent["items"].append(node)
            nodes[path] = node
    return nodes[""]


def _joiner(data: QueryDict, path: str) -> str:
    op = data.get(f"op:{path}", "and")
    return op if op in ("and", "or", "not") else "and"


def _find(tree: Tree, path: str) -> Tree | None:
    node = tree
    for step in filter(None, path.split(".")):
        items = node.get("items", [])
        if not step.isdecimal() or int(step) >= len(items):
            return None
        node = items[int(step)]
    return node


def change(tree: Tree, do: str) -> Tree:
    """The tree after a button: add:PATH, group:PATH, not:PATH, remove:PATH."""
    verb, _colon, path = do.partition(":")
    tree = copy.deepcopy(tree)
    if verb == "remove" and path:
        parent = _find(tree, _parent(path))
        place = int(path.rpartition(".")[2]) if path.rpartition(".")[2].isdecimal() else -1
        if parent is not None and 0 <= place < len(parent.get("items", [])):
            del parent["items"][place]
        return tree
    node = _find(tree, path)
    if node is None or "items" not in node:
        return tree
    line = {"field": "stage", "operator": "in", "value": None}
    if verb == "add":
        node["items"].append(line)
    elif verb == "group":
        node["items"].append({"op": "or", "items": [line]})
    elif verb == "not":
        node["items"].append({"op": "not", "items": [line]})
    return tree


def is_complete(tree: Tree) -> bool:
    """No line waits for its value."""
    if "items" in tree:
        return all(is_complete(item) for item in tree["items"])
    return tree["value"] is not None


def countable(tree: Tree, inside: str = "and") -> Tree:
    """The same shape with unfinished lines neutral, so that counts keep their paths."""
    if "items" in tree:
        op = tree["op"]
        return {"op": op, "items": [countable(item, op) for item in tree["items"]]}
    if tree["value"] is None:
        return EVERYBODY if inside == "and" else NOBODY
    return tree


# --- to the page ---------------------------------------------------------------------------------


@dataclass
class Line:
    """One node as the template prints it."""

    path: str
    joiner: str
    is_group: bool
    op: str = "and"
    lines: list["Line"] = dataclasses.field(default_factory=list)
    field: str = ""
    fields: list[tuple[str, Any]] = dataclasses.field(default_factory=list)
    operator: str = ""
    operators: list[tuple[str, Any]] = dataclasses.field(default_factory=list)
    control: str = ""
    options: list[tuple[Any, str, bool]] = dataclasses.field(default_factory=list)
    chosen: str = ""
    low: str = ""
    high: str = ""
    unit: Any = ""
    count: int | None = None
    unfinished: bool = False


def _levels() -> list[tuple[str, str]]:
    def read() -> list[str]:
        levels = Member.objects.exclude(level="").order_by("level").values_list("level", flat=True)
        return list(levels.distinct()[:50])

    return [(level, level) for level in cache.get_or_set("hq:levels", read, LEVEL_SECONDS) or []]


class Options:
    """What a choice offers, read once per page: only places and people the actor may see."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self._known: dict[str, list[tuple[Any, str]]] = {}

    def of(self, found: CatalogueField) -> list[tuple[Any, str]]:
        if found.key not in self._known:
            self._known[found.key] = self._read(found)
        return self._known[found.key]

    def _read(self, found: CatalogueField) -> list[tuple[Any, str]]:
        if found.key == "tag":
            tags = Tag.objects.filter(retired_at=None).select_related("group")
            return [(tag.pk, f"{tag.group.name} · {tag.name}") for tag in tags[:MAX_OPTIONS]]
        if found.lookup:
            rows = apps.get_model(found.lookup)._default_manager.all()
            if hasattr(rows, "visible_to"):
                rows = rows.visible_to(self.actor)
            return [(row.pk, str(row)) for row in rows[:MAX_OPTIONS]]
        if found.key == "level":
            return _levels()
        return [(value, str(label)) for value, label in found.choices]


def _amount(found: CatalogueField, value: Any) -> str:
    if value is None:
        return ""
    return str(value // FEN if found.kind is Kind.MONEY else value)


def _line(node: Tree, path: str, joiner: str, options: Options, counts: dict[str, int]) -> Line:
    found = FIELDS[node["field"]]
    value = node["value"]
    line = Line(
        path=path,
        joiner=joiner,
        is_group=False,
        field=found.key,
        fields=[(each.key, each.label) for each in FIELDS.values()],
        operator=node["operator"],
        operators=list(found.allowed().items()),
        unit=found.unit,
        count=counts.get(path),
        unfinished=value is None,
    )
    if found.kind is Kind.BOOL:
        line.control = "bool"
        line.chosen = "no" if value is False else "yes"
    elif found.kind in RANGED:
        line.control = "range" if node["operator"] == "between" else "number"
        low, high = value if isinstance(value, list) else (value, None)
        line.low, line.high = _amount(found, low), _amount(found, high)
    else:
        line.control = "many"
        picked = set(value or [])
        line.options = [(key, label, key in picked) for key, label in options.of(found)]
        words = [label for _key, label, on in line.options if on]
        line.chosen = "、".join(words) or _("choose")
    return line


def lines(
    tree: Tree, options: Options, counts: dict[str, int], path: str = "", joiner: str = ""
) -> Line:
    """The tree for the template, its running counts beside the lines."""
    group = Line(path=path, joiner=joiner, is_group=True, op=tree["op"], count=counts.get(path))
    word = _("and") if tree["op"] == "and" else _("or")
    for place, item in enumerate(tree["items"]):
        here = f"{path}.{place}" if path else str(place)
        lead = word if place else ""
        if "items" in item:
            group.lines.append(lines(item, options, counts, here, lead))
        else:
            group.lines.append(_line(item, here, lead, options, counts))
    return group


def as_group(definition: Tree | None) -> Tree:
    """A stored definition in the shape the builder shows: a group at the root."""
    if not definition:
        return copy.deepcopy(EVERYBODY)
    if "items" in definition:
        return copy.deepcopy(definition)
    return {"op": "and", "items": [copy.deepcopy(definition)]}
