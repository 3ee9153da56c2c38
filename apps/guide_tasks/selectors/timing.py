"""The history of a push's times in the regions, for whoever looks at the push."""

from dataclasses import dataclass
from datetime import datetime

from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.guide_tasks.models import RegionTiming, TaskPush

LISTED = 50


@dataclass(frozen=True, slots=True)
class TimingChange:
    """One change in one region; `who` is a name."""

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
    people = User.objects.in_bulk(
        int(row.changed_by.removeprefix("user:"))
        for row in rows
        if row.changed_by.startswith("user:")
    )
    names = {f"user:{pk}": person.get_full_name() for pk, person in people.items()}
    return [_change(row, names.get(row.changed_by, "")) for row in rows]


def _change(row: RegionTiming, who: str) -> TimingChange:
    return TimingChange(
        region=row.region.name,
        opens_at=row.opens_at,
        due_before=row.due_before,
        due_at=row.due_at,
        moved=row.moved,
        reason=row.reason,
        who=who,
        changed_at=row.changed_at,
    )
