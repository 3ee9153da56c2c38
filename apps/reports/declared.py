"""差异 by region: contacts that guides declared, held against the chats WeCom counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Greatest

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks.rates import rate
from apps.reports.selectors import MISMATCH_DAYS
from apps.wecom_sync.models import GuideDay

_KEPT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class DeclaredRow:
    """One region's guide-days of the last two weeks, as far as WeCom has counted them.

    `missing` declared contacts have no chat of their day behind them; `mismatched` guide-days have
    so many of them that they are worth a question, `waiting` of these nobody has asked about.
    """

    region_id: int
    region: str
    days: int
    declared: int
    missing: int
    mismatched: int
    waiting: int

    @property
    def missing_share(self) -> float | None:
        return rate(self.missing, self.declared)

    @property
    def mismatched_share(self) -> float | None:
        return rate(self.mismatched, self.days)


def declared_by_region(*, actor: Actor, now: datetime) -> list[DeclaredRow]:
    """The regions the actor may see, the largest share of missing chats first; kept for minutes."""
    today = clock.business_day(now)
    key = f"reports:declared:{actor.label}:{today}"
    found: list[DeclaredRow] | None = cache.get(key)
    if found is None:
        since = today - timedelta(days=MISMATCH_DAYS)
        found = _count(GuideDay.objects.visible_to(actor).counted().filter(day__gte=since))
        cache.set(key, found, _KEPT_SECONDS)
    return found


def _count(days: QuerySet[GuideDay]) -> list[DeclaredRow]:
    apart = Q(declared__gte=F("chats") + settings.MISMATCH_FROM)
    counted = (
        days.order_by()
        .values_list("store__region_id", "store__region__name")
        .annotate(
            all_days=Count("pk"),
            all_declared=Sum("declared"),
            without_chat=Sum(Greatest(F("declared") - F("chats"), 0)),
            mismatched=Count("pk", filter=apart),
            waiting=Count("pk", filter=apart & Q(looked_at=None)),
        )
    )
    rows = [DeclaredRow(*row) for row in counted]
    return sorted(rows, key=lambda row: (-(row.missing_share or 0), row.region))
