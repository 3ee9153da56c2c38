"""Reads for the builder: counts as one types, the rule in words, a masked sample, a run."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils.translation import gettext as _
from pyroaring import BitMap

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.money import format_fen
from apps.core.querysets import keys_sql
from apps.members import selectors as members
from apps.members.models import Member
from apps.profiles.models import MemberFacts, MemberProfile
from apps.segments.catalogue import FIELDS, Field, Kind
from apps.segments.compile import (
    Condition,
    base_sql,
    combine,
    compile_condition,
    compile_definition,
)
from apps.segments.models import SegmentRun


@dataclass(frozen=True)
class SampleRow:
    """One member of a sample, masked. Days and fen as of the profile."""

    member_id: int
    public_id: str
    name: str
    phone: str
    stage: str
    last_order_on: date | None
    usual_gap_days: int | None
    net_365_fen: int
    net_fen: int
    guide_name: str
    store_name: str


def count(definition: Any, now: datetime) -> int:
    """How many survivors match now, exactly. Raises SegmentError."""
    compiled = compile_definition(definition, now=now)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({compiled.sql}) AS found", compiled.params)
        return cursor.fetchone()[0]


def _running(
    node: dict[str, Any], path: str, outer: list[Condition], now: datetime
) -> list[tuple[str, Condition]]:
    """(path, condition) of every line: the outer lines so far and those above in its group."""
    lines: list[tuple[str, Condition]] = []
    above: list[Condition] = []
    for place, item in enumerate(node.get("items", [])):
        here = f"{path}.{place}" if path else str(place)
        own, _bounds = compile_condition(item, now=now, path=here)
        if node["op"] == "and":
            enclosing = [*outer, *above]
            if "op" in item:
                lines += _running(item, here, enclosing, now)
            above.append(own)
            lines.append((here, combine("and", [*outer, *above])))
        else:
            if "op" in item:
                lines += _running(item, here, outer, now)
            above.append(own)
            lines.append((here, combine("and", [*outer, combine(node["op"], above)])))
    return lines


def running_counts(definition: Any, now: datetime) -> dict[str, int]:
    """Per line of the builder ("0", "1", "2.0" …) how many are left after it, in one query."""
    compile_condition(definition, now=now)
    if "op" not in definition:
        return {"0": count(definition, now)}
    lines = _running(definition, "", [], now)
    if not lines:
        return {}
    select = ", ".join(f"count(*) FILTER (WHERE {condition.sql})" for _path, condition in lines)
    params = [value for _path, condition in lines for value in condition.params]
    with connection.cursor() as cursor:
        cursor.execute(base_sql(select), params)
        row = cursor.fetchone()
    return {path: found for (path, _condition), found in zip(lines, row, strict=True)}


# --- in words -----------------------------------------------------------------------------------


def _names(found: Field, ids: list[int]) -> str:
    rows = apps.get_model(found.lookup)._default_manager.in_bulk(ids)
    return _(", ").join(str(rows[each]) if each in rows else f"#{each}" for each in ids)


def _number_words(found: Field, value: int) -> str:
    return format_fen(value) if found.kind is Kind.MONEY else f"{value} {found.unit}"


def _leaf_words(node: dict[str, Any]) -> str:
    found = FIELDS[node["field"]]
    operator, value = node["operator"], node["value"]
    if found.kind is Kind.BOOL:
        return str(found.label) if value else _("not: %(what)s") % {"what": found.label}
    if operator == "between":
        words = _("%(low)s to %(high)s") % {
            "low": _number_words(found, value[0]),
            "high": _number_words(found, value[1]),
        }
    elif found.kind in (Kind.NUMBER, Kind.DAYS, Kind.MONEY):
        words = f"{found.allowed()[operator]} {_number_words(found, value)}"
    else:
        words = f"{found.allowed()[operator]} {_value_words(found, value)}"
    return f"{found.label} {words}"


def _value_words(found: Field, value: list[Any]) -> str:
    if found.lookup:
        return _names(found, value)
    labels = dict(found.choices)
    return _(", ").join(str(labels.get(each, each)) for each in value)


def _words(node: dict[str, Any], *, nested: bool) -> str:
    if "op" not in node:
        return _leaf_words(node)
    parts = [_words(item, nested=True) for item in node["items"]]
    if not parts:
        return _("everybody")
    joiner = _(", and ") if node["op"] == "and" else _(", or ")
    text = joiner.join(parts)
    if node["op"] == "not":
        return _("none of (%(conditions)s)") % {"conditions": text}
    return _("(%(conditions)s)") % {"conditions": text} if nested and len(parts) > 1 else text


def explain(definition: Any) -> str:
    """The rule as a sentence in the reader's language. Raises SegmentError."""
    compile_condition(definition, now=clock.now())
    return _words(definition, nested=False)


# --- who ----------------------------------------------------------------------------------------


def member_ids(run: SegmentRun) -> list[int]:
    """The survivors frozen in a run, ascending."""
    return list(BitMap.deserialize(bytes(run.members)))


def sample(definition: Any, actor: Actor, n: int, now: datetime | None = None) -> list[SampleRow]:
    """A few matching members whom the actor may see, masked; always the same few."""
    compiled = compile_definition(definition, now=now or clock.now())
    visible = keys_sql(Member.objects.visible_to(actor))
    with connection.cursor() as cursor:
        # a hash of the id: neither the oldest members nor the best customers alone
        cursor.execute(
            f"SELECT id FROM ({compiled.sql}) AS found WHERE id IN ({visible[0]})"
            " ORDER BY hashint8(id), id LIMIT %s",
            [*compiled.params, *visible[1], n],
        )
        ids = [row[0] for row in cursor.fetchall()]
    return _sample_rows(ids)


def _sample_rows(ids: list[int]) -> list[SampleRow]:
    found = Member.objects.in_bulk(ids)
    profiles = MemberProfile.objects.in_bulk(ids)
    facts = MemberFacts.objects.in_bulk(ids)
    serving = members.serving_of(ids)
    phones = members.masked_phones(ids)
    rows = []
    for each in ids:
        member, profile, period = found[each], profiles.get(each), serving.get(each)
        fact = facts.get(each)
        rows.append(
            SampleRow(
                member_id=each,
                public_id=str(member.public_id),
                name=members.masked_name(member),
                phone=phones.get(each, ""),
                stage=profile.get_stage_display() if profile else "",
                last_order_on=profile.last_order_on if profile else None,
                usual_gap_days=fact.usual_gap_days if fact else None,
                net_365_fen=profile.net_365_fen if profile else 0,
                net_fen=profile.net_fen if profile else 0,
                guide_name=period.guide.name if period else "",
                store_name=period.store.name if period else "",
            )
        )
    return rows
