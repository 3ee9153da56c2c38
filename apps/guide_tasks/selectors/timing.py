"""The history of a push's times in the regions, for whoever looks at the push."""

from dataclasses import dataclass
from datetime import datetime

from apps.accounts.actor import Actor
from apps.accounts.naming import Named, names_of, reference_of
from apps.guide_tasks.models import RegionTiming, TaskPush

LISTED = 50


@dataclass(frozen=True, slots=True)
class TimingChange:
    """One change in one region; `who` is the account's name."""

    region: str
    opens_at: datetime | None
    due_before: datetime
    due_at: datetime | None
    moved: int
    reason: str
    who: str
    changed_at: datetime


def region_timings(*, push: TaskPush, actor: Actor) -> list[TimingChange]:
    """Who changed what in which region, the latest first; two queries at most."""
    rows = list(
        RegionTiming.objects.visible_to(actor)
        .filter(push=push)
        .select_related("region")
        .order_by("-pk")[:LISTED]
    )
    names = names_of(reference_of(row.changed_by) for row in rows)
    return [_change(row, names.get(reference_of(row.changed_by))) for row in rows]


def _change(row: RegionTiming, who: Named | None) -> TimingChange:
    return TimingChange(
        region=row.region.name,
        opens_at=row.opens_at,
        due_before=row.due_before,
        due_at=row.due_at,
        moved=row.moved,
        reason=row.reason,
        who=who.name if who else "",
        changed_at=row.changed_at,
    )
