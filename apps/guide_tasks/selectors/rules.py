"""What the rules have made lately, for the page on which head office sets them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from apps.core import clock
from apps.guide_tasks.models import TaskRule, TaskTarget

_SHOWN_DAYS = 7


@dataclass(frozen=True)
class RuleView:
    """One rule with what it made: today, and in the last days with today."""

    rule: TaskRule
    today: int
    lately: int


def rules() -> list[TaskRule]:
    """Every rule, by trigger in the order of the list, steps of care by category and day."""
    place = {key: number for number, key in enumerate(TaskRule.Key.values)}
    found = TaskRule.objects.select_related("template")
    return sorted(found, key=lambda rule: (place[rule.key], rule.category, rule.delay_days))


def rule_views(found: Iterable[TaskRule], *, now: datetime) -> list[RuleView]:
    """The same rules with their numbers, in one query."""
    today = clock.business_day(now)
    counts = dict[int, dict[str, int]]()
    rows = (
        TaskTarget.objects.filter(
            push__rule__isnull=False, push__rule_on__gt=today - timedelta(days=_SHOWN_DAYS)
        )
        .values("push__rule_id", "push__rule_on")
        .annotate(n=Count("pk"))
        .values_list("push__rule_id", "push__rule_on", "n")
    )
    for rule_id, on, made in rows:
        numbers = counts.setdefault(rule_id, {"today": 0, "lately": 0})
        numbers["lately"] += made
        numbers["today"] += made if on == today else 0
    nothing = {"today": 0, "lately": 0}
    return [RuleView(rule, **counts.get(rule.pk, nothing)) for rule in found]
