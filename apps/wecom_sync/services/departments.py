"""The tree of departments as WeCom shows it, kept beside the numbers that stores name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from apps.wecom.shapes import Department as Shown
from apps.wecom_sync.models import Department


@dataclass(frozen=True, slots=True)
class TreeNews:
    """What is not the same on both sides."""

    new: list[Shown] = field(default_factory=list)
    changed: list[tuple[Department, Shown]] = field(default_factory=list)
    gone: list[Department] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.new) + len(self.changed) + len(self.gone)


def hold_tree_against_ours(*, corp_id: str, shown: Sequence[Shown]) -> TreeNews:
    """Which departments are new, called or placed otherwise, or gone; one query."""
    ours = {row.number: row for row in Department.objects.filter(corp_id=corp_id)}
    theirs = {one.id: one for one in shown}
    both = [(ours[number], theirs[number]) for number in sorted(ours.keys() & theirs.keys())]
    return TreeNews(
        new=[one for number, one in theirs.items() if number not in ours],
        changed=[(row, one) for row, one in both if _differ(row, one)],
        gone=[row for number, row in sorted(ours.items()) if number not in theirs],
    )


def _differ(row: Department, one: Shown) -> bool:
    return (row.name, row.parent) != (one.name[:64], one.parent_id)


@transaction.atomic
def keep_tree(*, corp_id: str, news: TreeNews, now: datetime) -> int:
    """Our side as WeCom's; how many changed. Safe to repeat."""
    _put(corp_id, [*news.new, *(one for _row, one in news.changed)], now)
    Department.objects.filter(pk__in=[row.pk for row in news.gone]).delete()
    return news.total


@transaction.atomic
def keep_department(*, corp_id: str, number: int, shown: Shown | None, now: datetime) -> None:
    """One department as it was read again; None when it is gone."""
    if shown is not None:
        _put(corp_id, [shown], now)
    else:
        Department.objects.filter(corp_id=corp_id, number=number).delete()


def _put(corp_id: str, shown: Sequence[Shown], now: datetime) -> None:
    Department.objects.bulk_create(
        [
            Department(
                corp_id=corp_id,
                number=one.id,
                parent=one.parent_id,
                name=one.name[:64],
                seen_at=now,
            )
            for one in shown
        ],
        update_conflicts=True,
        unique_fields=["corp_id", "number"],
        update_fields=["parent", "name", "seen_at"],
        batch_size=1_000,
    )
