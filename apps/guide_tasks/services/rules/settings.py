"""What head office may set on a rule, and within which limits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.db.models import Field
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.guide_tasks.errors import BadRule
from apps.guide_tasks.models import Grade, TaskRule
from apps.guide_tasks.services.rules.defaults import make_rule
from apps.outreach.models import MessageTemplate

Key = TaskRule.Key

# the numbers each trigger asks for, beside the cap, the minutes and the grade that all have
NUMBERS: dict[str, tuple[str, ...]] = {
    Key.FOLLOW_UP: ("due_days",),
    Key.CARE: ("delay_days", "due_days"),
    Key.CASE_CLOSED: ("delay_days", "due_days"),
    Key.GREETING: ("due_days",),
    Key.WELCOME: ("due_days",),
    Key.LEAD: ("delay_days", "due_days"),
    Key.REVISIT: ("delay_days", "due_days"),
    Key.APPOINTMENT: ("lead_days",),
    Key.THANKS: ("delay_days", "due_days"),
    Key.BIRTHDAY: ("lead_days",),
    Key.POINTS: ("lead_days", "least_points", "skip_days"),
    Key.COUPONS: ("lead_days", "skip_days"),
    Key.REPURCHASE: ("lead_days", "due_days", "skip_days"),
    Key.SILENT: ("due_days", "skip_days"),
    Key.NEW_GOODS: ("due_days", "skip_days"),
}
# from, to; the cap may be empty besides
LIMITS: dict[str, tuple[int, int]] = {
    "lead_days": (0, 30),
    "delay_days": (1, 365),
    "due_days": (0, 14),
    "skip_days": (0, 90),
    "least_points": (1, 1_000_000),
    "daily_cap": (1, 200),
    "minutes": (1, 60),
}
_EVERYWHERE = ("is_active", "title", "template_id", "daily_cap", "minutes", "required_grade")
_TITLE_LENGTH = 40


@dataclass(frozen=True)
class RuleNumbers:
    """The numbers of one care step as head office enters them."""

    delay_days: int
    due_days: int = 1
    daily_cap: int | None = None
    minutes: int = 2


def editable(rule: TaskRule) -> tuple[str, ...]:
    """The fields head office may change on this rule."""
    return (*_EVERYWHERE, *NUMBERS[rule.key])


def label_of(name: str) -> str:
    """A number's name in the words of the page."""
    return str(cast(Field, TaskRule._meta.get_field(name)).verbose_name)


def _demand_limits(values: dict[str, Any]) -> None:
    for name, (least, most) in LIMITS.items():
        value = values.get(name)
        if name not in values or (name == "daily_cap" and value is None):
            continue
        if not isinstance(value, int) or not least <= value <= most:
            raise BadRule(
                _("%(field)s must be between %(least)s and %(most)s.")
                % {"field": label_of(name), "least": least, "most": most}
            )
    title = values.get("title", "-").strip()
    if not 0 < len(title) <= _TITLE_LENGTH:
        raise BadRule(_("Give the rule a title of at most 40 characters."))
    if values.get("required_grade", Grade.DELIVERED) not in (Grade.INITIATED, Grade.DELIVERED):
        raise BadRule(_("A rule's task is done when the message is initiated or delivered."))


@transaction.atomic
def change_rule(*, rule_id: int, actor: Actor, now: datetime, **changes: Any) -> TaskRule:
    """Change what a rule says and when; today's tasks stay as they are. Raises BadRule."""
    rule = TaskRule.objects.select_for_update().get(pk=rule_id)
    unknown = set(changes) - set(editable(rule))
    if unknown:
        raise TypeError(f"A {rule.key} rule has no {sorted(unknown)}.")
    _demand_limits(changes)
    before = {name: getattr(rule, name) for name in changes}
    for name, value in changes.items():
        setattr(rule, name, value)
    changed = sorted(name for name, old in before.items() if getattr(rule, name) != old)
    if not changed:
        return rule
    if rule.is_active and rule.active_since is None:
        rule.active_since = now
    with _one_step_per_day():
        rule.save()
    if rule.is_active:
        # what is changed today may find somebody more today
        TaskRule.objects.filter(pk=rule.pk).update(looked_on=None)
    _audit(rule, "task_rule.changed", actor, {"fields": changed})
    return rule


@transaction.atomic
def add_care_step(
    *,
    title: str,
    template_id: int,
    category: str,
    numbers: RuleNumbers,
    actor: Actor,
    now: datetime,
) -> TaskRule:
    """One more step of care, for a category or for all that have none of their own. Raises
    BadRule."""
    values = vars(numbers)
    _demand_limits({**values, "title": title})
    with _one_step_per_day():
        rule = make_rule(
            key=Key.CARE,
            title=title.strip(),
            template=MessageTemplate.objects.get(pk=template_id),
            category=category.strip(),
            is_active=True,
            now=now,
            numbers=values,
        )
    _audit(rule, "task_rule.added", actor, {"category": rule.category, **values})
    return rule


class _one_step_per_day:
    """The database says that two steps of care fall on one day; people are told in words."""

    def __enter__(self) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self.savepoint.__exit__(kind, error, traceback)
        if isinstance(error, IntegrityError):
            raise BadRule(_("There is a step for this category on that day already.")) from error


def _audit(rule: TaskRule, action: str, actor: Actor, detail: dict[str, Any]) -> None:
    accounts.audit(
        actor=actor,
        action=action,
        object_type="task_rule",
        object_id=str(rule.pk),
        detail={"key": rule.key, **detail},
    )
