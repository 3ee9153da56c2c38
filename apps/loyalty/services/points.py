"""Points in: each movement once, and what is left worked out in the same transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from apps.core import clock
from apps.loyalty.models import PointsEntry, PointsLot, PointsTerms
from apps.loyalty.models.points import OWN_SOURCE
from apps.loyalty.wallet import NEVER, Move, Wallet, wallet_of
from apps.members.models import Member

CREATED, UNCHANGED, CHANGED = "created", "unchanged", "changed"

# one order for all writers: two batches with the same entries wait for each other
_INSERT = """
INSERT INTO loyalty_pointsentry
    (source, external_no, member_id, kind, points, occurred_at, expires_on, store_id)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::int[],
    %s::timestamptz[], %s::date[], %s::bigint[])
    AS told (source, external_no, member_id, kind, points, occurred_at, expires_on, store_id)
ORDER BY source, external_no
ON CONFLICT (source, external_no) DO NOTHING
RETURNING source, external_no
"""


@dataclass(frozen=True, slots=True)
class PointsRow:
    """One movement as it is told. `source` and `external_no` name it for ever."""

    source: str
    external_no: str
    member_id: int
    kind: str
    points: int
    occurred_at: datetime
    expires_on: date | None = None
    store_id: int | None = None

    @property
    def name(self) -> tuple[str, str]:
        return self.source, self.external_no


@transaction.atomic
def record_points(*, rows: Sequence[PointsRow], now: datetime) -> list[str]:
    """Keep each movement that is news: CREATED, UNCHANGED, or CHANGED where the same number was
    told with other content; that one is not kept. Safe to repeat."""
    if not rows:
        return []
    persons = _hold({row.member_id for row in rows})
    first = {row.name: row for row in reversed(rows)}
    fresh = _insert(list(first.values()))
    kept = {name: row for name, row in first.items() if name in fresh} | _known(
        [name for name in first if name not in fresh]
    )
    _work_out({persons[first[name].member_id] for name in fresh}, now=now)
    answers = []
    for row in rows:
        if not _same(row, kept[row.name], persons):
            answers.append(CHANGED)
        else:
            answers.append(CREATED if row.name in fresh else UNCHANGED)
            fresh.discard(row.name)
    return answers


def _hold(member_ids: Collection[int]) -> dict[int, int]:
    """The survivor of everybody of these persons; theirs alone until the transaction ends, so that
    of two batches the second counts what the first one brought."""
    named = Member.objects.filter(pk__in=member_ids).values("survivor_id")
    rows = Member.objects.filter(survivor_id__in=named).select_for_update(no_key=True)
    return dict(rows.order_by("pk").values_list("pk", "survivor_id"))


def _insert(rows: Sequence[PointsRow]) -> set[tuple[str, str]]:
    columns = [list(column) for column in zip(*map(astuple, rows), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        return {(source, number) for source, number in cursor.fetchall()}


def _known(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], PointsRow]:
    by_source: dict[str, list[str]] = {}
    for source, number in names:
        by_source.setdefault(source, []).append(number)
    found = PointsEntry.objects.none()
    for source, numbers in by_source.items():
        found = found | PointsEntry.objects.filter(source=source, external_no__in=numbers)
    columns = PointsRow.__dataclass_fields__
    return {row.name: row for row in (PointsRow(**one) for one in found.values(*columns))}


def _same(one: PointsRow, other: PointsRow, persons: dict[int, int]) -> bool:
    def content(row: PointsRow) -> tuple[object, ...]:
        whose = persons.get(row.member_id, row.member_id)
        return (whose, row.kind, row.points, row.occurred_at, row.expires_on, row.store_id)

    return content(one) == content(other)


@transaction.atomic
def work_out_points(*, member_ids: Collection[int], now: datetime) -> None:
    """What these persons have left, anew: after rows of one person came together or parted."""
    _work_out(set(_hold(member_ids).values()), now=now)


def _work_out(survivor_ids: Collection[int], *, now: datetime) -> None:
    """The caller holds the persons. What each has left stands with who stands for them."""
    if not survivor_ids:
        return
    moves: dict[int, list[Move]] = {survivor_id: [] for survivor_id in survivor_ids}
    entries = PointsEntry.objects.filter(member__survivor_id__in=survivor_ids)
    for survivor_id, at, points, kind, ends in entries.values_list(
        "member__survivor_id", "occurred_at", "points", "kind", "expires_on"
    ):
        moves[survivor_id].append(Move(at, points, kind, ends))
    today = clock.business_day(now)
    lots = [lot for person, told in sorted(moves.items()) for lot in _lots(person, told, today)]
    wanted = {(lot.member_id, lot.expires_on, lot.points) for lot in lots}
    rows = PointsLot.objects.filter(member__survivor_id__in=survivor_ids)
    standing = {
        row[1:]: row[0] for row in rows.values_list("pk", "member_id", "expires_on", "points")
    }
    # most of what somebody has stays as it is when a little comes or goes
    PointsLot.objects.filter(pk__in=[standing[one] for one in standing.keys() - wanted]).delete()
    PointsLot.objects.bulk_create(
        lot for lot in lots if (lot.member_id, lot.expires_on, lot.points) not in standing
    )


def _lots(member_id: int, moves: list[Move], today: date) -> list[PointsLot]:
    wallet: Wallet = wallet_of(moves, on=today)
    if wallet.owed:
        return [PointsLot(member_id=member_id, expires_on=None, points=-wallet.owed)]
    return [
        PointsLot(member_id=member_id, expires_on=None if day == NEVER else day, points=points)
        for day, points in sorted(wallet.lots.items())
    ]


@transaction.atomic
def give_welcome_points(*, member_id: int, store_id: int | None, now: datetime) -> int:
    """What head office gives to who joins: once for a person, whoever was merged into them.
    Returns how many points they got."""
    terms = PointsTerms.current()
    if not terms.welcome_points:
        return 0
    group = list(_hold([member_id]))
    if PointsEntry.objects.of_members(group).filter(kind=PointsEntry.Kind.WELCOME).exists():
        return 0
    row = PointsRow(
        source=OWN_SOURCE,
        external_no=f"welcome:{member_id}",
        member_id=member_id,
        kind=PointsEntry.Kind.WELCOME,
        points=terms.welcome_points,
        occurred_at=now,
        expires_on=clock.business_day(now) + timedelta(days=terms.welcome_days),
        store_id=store_id,
    )
    record_points(rows=[row], now=now)
    return terms.welcome_points
