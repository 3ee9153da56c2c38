"""What became of messages, script by script: how a library learns what works."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Count, Q

from apps.guide_tasks.models import Grade, TaskTarget
from apps.guide_tasks.rates import rate

DAYS = 90
# below so many reached customers a rank would be chance
ENOUGH_REACHED = 50
_KEPT_SECONDS = 7200
_KEY = "reports:scripts"


@dataclass(frozen=True)
class ScriptResult:
    """One script over the pushes of the last 90 days. The rate is 转化率: bought in the window of
    all it was meant for (intention to treat)."""

    issued: int = 0
    delivered: int = 0
    engaged: int = 0
    purchased: int = 0

    @property
    def conversion_rate(self) -> float | None:
        return rate(self.purchased, self.issued)

    @property
    def is_enough(self) -> bool:
        return self.delivered >= ENOUGH_REACHED


def script_results(*, now: datetime) -> dict[int, ScriptResult]:
    """Results by script, chain-wide, as a job counted them last.

    Counts only: nobody can be found behind them, so they are the same for everybody.
    """
    found: dict[int, ScriptResult] | None = cache.get(_KEY)
    return count_scripts(now=now) if found is None else found


def count_scripts(*, now: datetime) -> dict[int, ScriptResult]:
    """Count them anew, in one grouped query, and keep them for the pages."""
    found = _count(now)
    cache.set(_KEY, found, _KEPT_SECONDS)
    return found


def _count(now: datetime) -> dict[int, ScriptResult]:
    rows = (
        TaskTarget.objects.filter(
            push__handed_out_at__gte=now - timedelta(days=DAYS),
            push__handed_out_at__lte=now,
            push__template__isnull=False,
        )
        .values("push__template_id")
        .annotate(
            issued=Count("pk"),
            delivered=Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
            engaged=Count("pk", filter=Q(engaged_at__isnull=False)),
            purchased=Count("pk", filter=Q(purchased_at__isnull=False)),
        )
    )
    counts = ("issued", "delivered", "engaged", "purchased")
    return {
        row[0]: ScriptResult(*row[1:]) for row in rows.values_list("push__template_id", *counts)
    }


def places(results: dict[int, ScriptResult]) -> dict[int, int]:
    """1 for the best: those with enough reached customers, by rate; equal rates share a place."""
    rates = {pk: found.conversion_rate or 0.0 for pk, found in results.items() if found.is_enough}
    return {pk: 1 + sum(other > own for other in rates.values()) for pk, own in rates.items()}
