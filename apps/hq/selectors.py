"""Reads for pages that cross rooms."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.accounts.actor import Actor
from apps.members import selectors as members
from apps.members.models import Member
from apps.members.selectors import MemberCard
from apps.outreach import policy
from apps.profiles.models import MemberProfile
from apps.segments.compile import compile_definition, rests_on_profile


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a rule finds and who can be reached; each refused person under the first reason."""

    planned: int
    refused: list[tuple[str, str, int]] = field(default_factory=list)
    guides: int = 0
    stores: int = 0
    overlap: int = 0
    seconds: float = 0.0

    @property
    def unreachable(self) -> int:
        return sum(count for _code, _words, count in self.refused)

    @property
    def reachable(self) -> int:
        return self.planned - self.unreachable


_REACH = """
SELECT reach.refusal, count(*), count(DISTINCT reach.guide_id), count(DISTINCT reach.store_id)
FROM ({reach}) AS reach GROUP BY reach.refusal
"""
_OVERLAP = """
SELECT count(DISTINCT target.member_id) FROM guide_tasks_tasktarget AS target
WHERE target.state IN ('open', 'in_progress', 'to_verify') AND target.member_id IN ({members})
"""


def reach_of(*, definition: Any, now: datetime) -> Reach:
    """Count a rule against the reach policy, as the hand-out would, in two statements."""
    started = time.monotonic()
    compiled = compile_definition(definition, now=now)
    sql, params = policy.reach_select(
        members_sql=compiled.sql,
        members_params=compiled.params,
        now=now,
        marketing=True,
        by_profile=rests_on_profile(definition),
    )
    with connection.cursor() as cursor:
        cursor.execute(_REACH.format(reach=sql), params)
        found = {row[0]: row[1:] for row in cursor.fetchall()}
        seconds = time.monotonic() - started
        cursor.execute(_OVERLAP.format(members=compiled.sql), compiled.params)
        overlap = cursor.fetchone()[0]
    free = found.get("", (0, 0, 0))
    return Reach(
        planned=sum(row[0] for row in found.values()),
        refused=[
            (code.value, policy.sentence(code), found[code.value][0])
            for code in policy.Refusal
            if code.value in found
        ],
        guides=free[1],
        stores=free[2],
        overlap=overlap,
        seconds=seconds,
    )


@transaction.atomic
def members_by_reach(*, definition: Any, refusal: str, now: datetime, limit: int) -> list[int]:
    """Member ids of a rule with one answer of the policy ("" = reachable, "*" = everybody)."""
    compiled = compile_definition(definition, now=now)
    sql, params = policy.reach_select(
        members_sql=compiled.sql,
        members_params=compiled.params,
        now=now,
        marketing=True,
        by_profile=rests_on_profile(definition),
    )
    test = {"*": "TRUE", "any": "refusal <> ''"}.get(refusal, "refusal = %s")
    bound = [] if refusal in ("*", "any") else [refusal]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT member_id FROM ({sql}) AS reach WHERE {test} ORDER BY member_id LIMIT %s",
            [*params, *bound, limit],
        )
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One masked line of any list of members."""

    card: MemberCard
    profile: MemberProfile | None
    note: str = ""


def people(
    member_ids: Iterable[int], *, actor: Actor, notes: dict[int, str] | None = None
) -> list[PersonRow]:
    """Masked rows of members in the given order; whoever the actor may not see is left out."""
    ids = list(member_ids)
    seen = set(Member.objects.visible_to(actor).filter(pk__in=ids).values_list("pk", flat=True))
    ids = [member_id for member_id in ids if member_id in seen]
    cards = members.member_card(member_ids=ids)
    profiles = MemberProfile.objects.in_bulk(ids)
    return [
        PersonRow(cards[member_id], profiles.get(member_id), (notes or {}).get(member_id, ""))
        for member_id in ids
        if member_id in cards
    ]


def refusal_of(*, member_id: int, now: datetime) -> str:
    """Why this member could not be reached by a push now; "" = could be."""
    sql, params = policy.reach_select(
        members_sql="SELECT %s::bigint", members_params=[member_id], now=now, marketing=True
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT refusal FROM ({sql}) AS reach", params)
        return cursor.fetchone()[0]
