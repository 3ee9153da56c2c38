"""A regional manager gives the own region other times for a running push: later, never earlier."""

import uuid
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core.locks import take_turn
from apps.guide_tasks import hours
from apps.guide_tasks.errors import (
    NothingToMove,
    NotYourRegion,
    OutsideWindow,
    PushNotRunning,
    TooMuchTime,
    WhyMissing,
)
from apps.guide_tasks.models import (
    CONFIRMED_IN_WECOM,
    GuideTask,
    RegionTiming,
    State,
    TaskItem,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import recalling
from apps.guide_tasks.services.issuing import TODAY_PATH
from apps.guide_tasks.wording import short_moment
from apps.outreach import services as outreach
from apps.stores.models import Region


def latest_due(push: TaskPush) -> datetime | None:
    """The latest due time that a region may give: head office's and the days of the setting."""
    if push.due_at is None:
        return None
    return push.due_at + timedelta(days=settings.REGION_MORE_DAYS)


def window_of(push: TaskPush) -> tuple[time, time]:
    """From when until when work of a push may open."""
    if push.has_items:
        return push.hand_out_from, push.hand_out_until
    return push.contact_from, push.contact_until


@transaction.atomic
def retime_push(
    *,
    push: TaskPush,
    region: Region,
    reason: str,
    actor: Actor,
    now: datetime,
    client_id: uuid.UUID,
    opens_at: datetime | None = None,
    more_days: int = 0,
) -> RegionTiming:
    """Let a region's untouched work open at a later hour, or give what is open more days.

    Head office's own times and all other regions stay. The same `client_id` again gives the row
    that stands. Raises NotYourRegion, PushNotRunning, WhyMissing, OutsideWindow, TooMuchTime,
    NothingToMove.
    """
    _demand_leads(region, actor)
    take_turn(str(client_id))
    known = RegionTiming.objects.filter(client_id=client_id).first()
    if known is not None:
        return known
    push = TaskPush.objects.select_for_update(of=("self",)).get(pk=push.pk)
    _demand_running(push)
    if not reason.strip():
        raise WhyMissing()
    row = RegionTiming(
        push=push,
        region=region,
        opens_at=opens_at,
        reason=reason.strip(),
        changed_by=actor.label,
        changed_at=now,
        client_id=client_id,
    )
    work = _Work(push, region)
    _move(row, work, more_days, now)
    row.save()
    _tell(row, work.people(), now)
    _audit(row, actor)
    return row


def _demand_leads(region: Region, actor: Actor) -> None:
    leads = actor.sees_all or region.pk in actor.region_ids
    if not leads or not actor.can(Capability.LEAD_REGION):
        raise NotYourRegion()


def _move(row: RegionTiming, work: "_Work", more_days: int, now: datetime) -> None:
    """Give the work its new times; the row learns what was and what is."""
    before = work.due_at()
    if before is None:
        raise NothingToMove()
    due_at = before + timedelta(days=more_days) if more_days else None
    _demand_limits(row.push, row.opens_at, before, due_at, now)
    longer = work.give_time(due_at) if due_at else 0
    later = work.open_later(row.opens_at) if row.opens_at else 0
    row.due_before, row.due_at, row.moved = before, due_at, max(longer, later)
    if not row.moved:
        raise NothingToMove()


def _demand_running(push: TaskPush) -> None:
    """WeCom holds a post's or a send's time itself, and a rule's work is a new day's tomorrow."""
    recalling.refuse_on_its_way(push)
    posts = push.kind in CONFIRMED_IN_WECOM
    if push.status != TaskPush.Status.HANDED_OUT or push.rule_id is not None or posts:
        raise PushNotRunning()


def _demand_limits(
    push: TaskPush,
    opens_at: datetime | None,
    before: datetime,
    due_at: datetime | None,
    now: datetime,
) -> None:
    limit = latest_due(push)
    if due_at is not None and (limit is None or due_at > limit or due_at <= now):
        until = short_moment(limit) if limit else ""
        raise TooMuchTime(days=settings.REGION_MORE_DAYS, until=until)
    if opens_at is None:
        return
    start, end = window_of(push)
    inside = hours.is_within(opens_at, start, end)
    if not inside or opens_at <= now or opens_at >= (due_at or before):
        raise OutsideWindow(start=f"{start:%H:%M}", end=f"{end:%H:%M}")


class _Work:
    """What a push asks of a region: members' targets, or items."""

    def __init__(self, push: TaskPush, region: Region) -> None:
        self.tasks = GuideTask.objects.filter(push=push, store__region=region)
        self.targets = TaskTarget.objects.open().filter(task__in=self.tasks.values("pk"))
        self.items = TaskItem.objects.open().filter(push=push, store__region=region)

    def due_at(self) -> datetime | None:
        """The latest due time of what is open there."""
        rows: list[QuerySet] = [self.targets, self.items]
        found = [one.order_by().aggregate(last=Max("due_at"))["last"] for one in rows]
        return max(filter(None, found), default=None)

    def give_time(self, due_at: datetime) -> int:
        self.tasks.filter(due_at__lt=due_at).update(due_at=due_at)
        later: dict[str, object] = {"due_at": Greatest(F("due_at"), Value(due_at))}
        rows: list[QuerySet] = [self.targets, self.items]
        return sum(one.filter(due_at__lt=due_at).update(**later) for one in rows)

    def open_later(self, opens_at: datetime) -> int:
        """Only what nobody has begun waits; nothing opens earlier than it did."""
        untouched = {"state": State.OPEN, "opens_at__lt": opens_at, "due_at__gt": opens_at}
        rows: list[QuerySet] = [self.targets.filter(started_at=None), self.items]
        return sum(one.filter(**untouched).update(opens_at=opens_at) for one in rows)

    def people(self) -> list[int]:
        """Whose open work it is."""
        found = set(self.targets.order_by().values_list("guide_id", flat=True).distinct())
        own = self.items.filter(guide__isnull=False).order_by()
        return sorted(found | set(own.values_list("guide_id", flat=True).distinct()))


def _tell(row: RegionTiming, people: list[int], now: datetime) -> None:
    """A card to whose work it is: the new time, no name."""
    words = []
    if row.opens_at:
        words.append(_("Opens %(time)s.") % {"time": short_moment(row.opens_at)})
    if row.due_at:
        words.append(_("Until %(time)s.") % {"time": short_moment(row.due_at)})
    title = _("New time: %(title)s") % {"title": row.push.title}
    outreach.queue_guide_notices(
        source=f"{row.push.source}:timing:{row.pk}",
        rows=[(guide_id, title, " ".join(words), TODAY_PATH) for guide_id in people],
        not_before=hours.next_within(now, row.push.hand_out_from, row.push.hand_out_until),
        now=now,
    )


def _audit(row: RegionTiming, actor: Actor) -> None:
    detail: dict[str, object] = {"region": row.region_id, "tasks": row.moved}
    if row.opens_at:
        detail["opens"] = row.opens_at.isoformat()
    if row.due_at:
        detail["to"] = row.due_at.isoformat()
    accounts.audit(
        actor=actor,
        action="push.retimed",
        object_type="task_push",
        object_id=row.push_id,
        detail=detail,
    )
