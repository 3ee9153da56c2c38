"""Tasks the product makes by itself: each trigger a module, one look at them here.

Set-wise, once per member and cause. The reach policy applies as to any push; who is refused is kept
on the rule's push of the day. Some triggers follow what has just happened and are looked at every
few minutes; those that only a new day brings are looked at once, in the morning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import clock
from apps.guide_tasks.models import TaskPush, TaskRule
from apps.guide_tasks.services import issuing, targets
from apps.guide_tasks.services.rules import (
    appointment,
    birthday,
    care,
    case_closed,
    coupons,
    follow_up,
    greeting,
    lead,
    new_goods,
    points,
    repurchase,
    revisit,
    silent,
)
from apps.guide_tasks.services.rules.base import Finds, issue
from apps.guide_tasks.services.rules.defaults import ensure_default_rules
from apps.guide_tasks.services.rules.greeting import mark_unwelcomed
from apps.guide_tasks.services.rules.settings import add_care_step, change_rule

__all__ = [
    "DayRun",
    "RuleRun",
    "add_care_step",
    "change_rule",
    "daily_rules_due",
    "ensure_default_rules",
    "greet_new_friends",
    "mark_unwelcomed",
    "run_daily_rules",
    "run_rules",
]

Key = TaskRule.Key
# before the hand-out hours, after the night's stages and the comparison with WeCom
DAILY_FROM = time(6, 0)

_FIND: dict[str, Callable[[TaskRule, datetime], Finds]] = {
    Key.FOLLOW_UP: follow_up.find,
    Key.GREETING: greeting.find,
    Key.WELCOME: greeting.find_members,
    Key.CARE: care.find,
    Key.CASE_CLOSED: case_closed.find,
    Key.BIRTHDAY: birthday.find,
    Key.POINTS: points.find,
    Key.COUPONS: coupons.find,
    Key.APPOINTMENT: appointment.find_ahead,
    Key.THANKS: appointment.find_kept,
    Key.REVISIT: revisit.find,
    Key.REPURCHASE: repurchase.find,
    Key.SILENT: silent.find,
    Key.NEW_GOODS: new_goods.find,
    Key.LEAD: lead.find,
}
# the first that finds a member has them: who has a birthday is not asked about a silence
_PLACE = {key: place for place, key in enumerate(_FIND)}
_DAILY = (
    Key.BIRTHDAY,
    Key.POINTS,
    Key.COUPONS,
    Key.THANKS,
    Key.REVISIT,
    Key.REPURCHASE,
    Key.SILENT,
    Key.NEW_GOODS,
    Key.LEAD,
)


@dataclass(frozen=True)
class RuleRun:
    """What one look at the rules of the moment made."""

    follow_ups: int = 0
    care: int = 0
    greetings: int = 0
    welcomes: int = 0
    cases: int = 0
    appointments: int = 0
    excused: int = 0


@dataclass(frozen=True)
class DayRun:
    """What the look of the day made: targets by trigger, and how many guides got a card."""

    made: dict[str, int] = field(default_factory=dict)
    cards: int = 0

    @property
    def total(self) -> int:
        return sum(self.made.values())


def _is_daily(rule: TaskRule) -> bool:
    return rule.key in _DAILY or (rule.key == Key.CARE and care.looks_daily(rule))


def _active_rules(*, daily: bool) -> list[TaskRule]:
    rules = [rule for rule in TaskRule.objects.filter(is_active=True) if _is_daily(rule) == daily]
    return sorted(rules, key=lambda rule: (_PLACE[rule.key], rule.delay_days, rule.pk))


def _locked(rule_id: int) -> TaskRule | None:
    """The rule, held until the transaction ends; None when it was switched off meanwhile."""
    return (
        TaskRule.objects.select_for_update(of=("self",))
        .select_related("template__asset", "campaign")
        .filter(pk=rule_id, is_active=True)
        .first()
    )


# --- what has just happened ----------------------------------------------------------------------


def run_rules(*, now: datetime) -> RuleRun:
    """One look at every active rule of the moment, each in its own transaction. Safe to repeat."""
    made: dict[str, int] = {}
    for rule in _active_rules(daily=False):
        made[rule.key] = made.get(rule.key, 0) + _look(rule.pk, now)
    mark_unwelcomed(now=now)
    return RuleRun(
        follow_ups=made.get(Key.FOLLOW_UP, 0),
        care=made.get(Key.CARE, 0),
        greetings=made.get(Key.GREETING, 0),
        welcomes=made.get(Key.WELCOME, 0),
        cases=made.get(Key.CASE_CLOSED, 0),
        appointments=made.get(Key.APPOINTMENT, 0),
        excused=targets.excuse_stopped(now=now)
        + birthday.excuse_withdrawn(now=now)
        + points.excuse_used(now=now)
        + coupons.excuse_used(now=now)
        + case_closed.excuse_complained(now=now)
        + appointment.excuse_over(now=now),
    )


@transaction.atomic
def _look(rule_id: int, now: datetime) -> int:
    rule = _locked(rule_id)
    return issue(rule=rule, finds=_FIND[rule.key](rule, now), now=now) if rule else 0


@transaction.atomic
def greet_new_friends(*, now: datetime, follow_ids: Sequence[int] | None = None) -> int:
    """A greeting task the same day for friendships that have just begun (default: all recent
    ones)."""
    rule_id = TaskRule.objects.filter(key=Key.GREETING).values_list("pk", flat=True).first()
    rule = _locked(rule_id) if rule_id else None
    if rule is None:
        return 0
    return issue(rule=rule, finds=greeting.find(rule, now, follow_ids=follow_ids), now=now)


# --- what the day brings -------------------------------------------------------------------------


def daily_rules_due(*, now: datetime) -> DayRun:
    """The look of the day, once its hour has come."""
    if now.astimezone(clock.chain_tz()).time() < DAILY_FROM:
        return DayRun()
    return run_daily_rules(now=now)


def run_daily_rules(*, now: datetime) -> DayRun:
    """Each active rule of the day once a day, in its own transaction; then one card per guide.

    Safe to repeat: a rule remembers the day it has looked on, a card its guide and day.
    """
    day = clock.business_day(now)
    rules = [rule for rule in _active_rules(daily=True) if rule.looked_on != day]
    made: dict[str, int] = {}
    for rule in rules:
        made[rule.key] = made.get(rule.key, 0) + _look_of_the_day(rule.pk, now, day)
    return DayRun(made=made, cards=_morning_card(now, day))


@transaction.atomic
def _look_of_the_day(rule_id: int, now: datetime, day: date) -> int:
    rule = _locked(rule_id)
    if rule is None or rule.looked_on == day:
        return 0
    made = issue(rule=rule, finds=_FIND[rule.key](rule, now), now=now)
    TaskRule.objects.filter(pk=rule.pk).update(looked_on=day)
    return made


@transaction.atomic
def _morning_card(now: datetime, day: date) -> int:
    """One card per guide for all that the day's rules made, whatever their number."""
    pushes = TaskPush.objects.filter(rule_on=day, rule__key__in=_DAILY)
    return issuing.bundled_notices(
        push_ids=list(pushes.values_list("pk", flat=True)),
        title=_("For today"),
        source=f"task_rules:{day.isoformat()}",
        now=now,
    )
