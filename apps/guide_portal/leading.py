"""What a manager may do about one piece of work: remind, give more time, take back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.guide_portal.cards import Chip, due_chip
from apps.guide_portal.items import enough_words
from apps.guide_portal.templatetags.portal import month_day
from apps.guide_tasks.models import (
    CONFIRMED_IN_WECOM,
    OPEN_STATES,
    OVER_STATES,
    GuideTask,
    TaskItem,
    TaskPush,
)
from apps.guide_tasks.selectors import CHASES_A_DAY, chases_today
from apps.guide_tasks.services.items.leading import UNDONE
from apps.stores.models import Guide, Store

# whoever says it otherwise writes it
OTHER = "other"
MORE_DAYS = (1, 3, 7)
TASKS = 12
# what was over longer ago is nobody's work any more
OVER_SHOWN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: what it sends and what it says."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Lead:
    """The manager's part of an item's page. `stop`: why it cannot be reminded of once more;
    `is_over`: it was not done in time, and may be opened again."""

    is_over: bool
    stop: str
    more_time: list[Choice]
    reasons: list[Choice]


@dataclass(frozen=True, slots=True)
class LedTask:
    """One task of a guide on the manager's page of that guide's work."""

    pk: int
    title: str
    open: int
    due: Chip
    more_time: list[Choice]


def more_time(due_at: datetime, *, now: datetime) -> list[Choice]:
    """Later last days, counted from the present one, or from today when that has passed."""
    last = max(clock.business_day(due_at), clock.business_day(now))
    days = [last + timedelta(days=number) for number in MORE_DAYS]
    return [Choice(day.isoformat(), _("to %(day)s") % {"day": month_day(day)}) for day in days]


def reasons_to_take_back(*, customers: bool) -> list[Choice]:
    """Why work is taken back, one tap each."""
    if customers:
        return [
            Choice("colleague", _("Somebody else takes care of TA")),
            Choice("moment", _("Not the right moment for TA")),
            Choice("offer", _("The offer does not fit TA")),
        ]
    return [
        Choice("needless", _("Not needed any more")),
        Choice("colleague", _("A colleague does it")),
        Choice("place", _("Does not fit this store")),
    ]


def why_of(reason: str, words: str, *, customers: bool) -> str:
    """The sentence behind a tapped reason, or the typed words."""
    offered = {one.value: one.words for one in reasons_to_take_back(customers=customers)}
    return words.strip() if reason == OTHER else offered.get(reason, "")


def lead_of(item: TaskItem, *, actor: Actor, now: datetime) -> Lead | None:
    """What the actor may do about an item that is not done, in a store they lead."""
    leads = item.store_id in actor.store_ids or item.store.region_id in actor.region_ids
    is_post, is_over = item.push.kind in CONFIRMED_IN_WECOM, item.state in OVER_STATES
    may_open = is_over and not is_post and item.push.status == TaskPush.Status.HANDED_OUT
    if not leads or not actor.can(Capability.MANAGE_TEAM):
        return None
    if not may_open and item.state not in UNDONE:
        return None
    enough = chases_today(item, now) >= CHASES_A_DAY
    return Lead(
        is_over=is_over,
        stop=enough_words() if enough else "",
        more_time=[] if is_post else more_time(item.due_at, now=now),
        reasons=reasons_to_take_back(customers=False),
    )


def led_tasks(*, guide: Guide, store: Store, now: datetime) -> list[LedTask]:
    """The guide's tasks in the store that run and have open customers; one query."""
    is_open = Q(targets__state__in=OPEN_STATES, targets__opens_at__lte=now)
    return _led(_running(guide, store), is_open, now)


def over_tasks(*, guide: Guide, store: Store, now: datetime) -> list[LedTask]:
    """The guide's tasks in the store of which something was not done in time lately; one query."""
    lately = _running(guide, store).filter(due_at__gte=now - OVER_SHOWN)
    is_over = Q(targets__state__in=OVER_STATES, targets__purchased_at=None)
    return _led(lately, is_over, now)


def _running(guide: Guide, store: Store) -> QuerySet[GuideTask]:
    running = TaskPush.Status.HANDED_OUT
    return GuideTask.objects.filter(guide=guide, store=store, push__status=running)


def _led(tasks: QuerySet[GuideTask], counted: Q, now: datetime) -> list[LedTask]:
    found: Any = tasks.annotate(open=Count("targets", filter=counted)).filter(open__gt=0)
    return [
        LedTask(
            pk=task.pk,
            title=task.push.title,
            open=task.open,
            due=due_chip(task.due_at, now=now),
            more_time=more_time(task.due_at, now=now),
        )
        for task in found.select_related("push").order_by("due_at", "pk")[:TASKS]
    ]
