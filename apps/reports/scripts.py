"""What became of messages, script by script: how a library learns what works."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet

from apps.guide_tasks.models import Grade, TaskTarget
from apps.guide_tasks.rates import rate
from apps.outreach.models import ScriptVariant

DAYS = 90
# below so many reached customers a rank would be chance
ENOUGH_REACHED = 50
_KEPT_SECONDS = 7200
_KEY = "reports:scripts"
_VARIANTS_KEY = "reports:script_variants"
_OWN = "push__template__variants__"
_COUNTS = {
    "issued": Count("pk"),
    "delivered": Count("pk", filter=Q(contact_grade=Grade.DELIVERED)),
    "engaged": Count("pk", filter=Q(engaged_at__isnull=False)),
    "purchased": Count("pk", filter=Q(purchased_at__isnull=False)),
}


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


@dataclass(frozen=True)
class Comparison:
    """What became of a store's own words, beside head office's words everywhere else."""

    own: ScriptResult = ScriptResult()
    chain: ScriptResult = ScriptResult()

    @property
    def is_enough(self) -> bool:
        return self.own.is_enough and self.chain.is_enough


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


def _of_scripts(now: datetime) -> QuerySet[TaskTarget]:
    return TaskTarget.objects.filter(
        push__handed_out_at__gte=now - timedelta(days=DAYS),
        push__handed_out_at__lte=now,
        push__template__isnull=False,
    )


def _count(now: datetime) -> dict[int, ScriptResult]:
    return _grouped(_of_scripts(now), "push__template_id")


def _grouped(rows: QuerySet[TaskTarget], by: str) -> dict[int, ScriptResult]:
    found = rows.order_by().values(by).annotate(**_COUNTS).values_list(by, *_COUNTS)
    return {row[0]: ScriptResult(*row[1:]) for row in found}


# --- stores' own words ----------------------------------------------------------------------------


def variant_results(*, now: datetime) -> dict[int, Comparison]:
    """Results of stores' own wordings by wording, as a job counted them last."""
    found: dict[int, Comparison] | None = cache.get(_VARIANTS_KEY)
    return count_variants(now=now) if found is None else found


def count_variants(*, now: datetime) -> dict[int, Comparison]:
    """Count them anew, in four queries, and keep them for the pages.

    A wording's own: work of its store handed out with the words it stands in for, while it stood.
    Head office's: all work with the script in stores that never had words of their own.
    """
    variants = dict(ScriptVariant.objects.values_list("pk", "script_id"))
    found: dict[int, Comparison] = {}
    if variants:
        worded = _of_scripts(now).filter(push__template__in=set(variants.values()))
        there = {f"{_OWN}store_id": F("store_id")}
        own = _grouped(worded.filter(_while_it_stood(), **there), f"{_OWN}id")
        every = _grouped(worded, "push__template_id")
        in_stores = _grouped(worded.filter(**there), "push__template_id")
        for pk, script_id in variants.items():
            elsewhere = _less(every.get(script_id), in_stores.get(script_id))
            found[pk] = Comparison(own.get(pk, ScriptResult()), elsewhere)
    cache.set(_VARIANTS_KEY, found, _KEPT_SECONDS)
    return found


def _while_it_stood() -> Q:
    """Handed out with the very words a wording replaces, after it began and before it ended."""
    begun = {f"{_OWN}since__lte": F("push__handed_out_at"), f"{_OWN}base_body": F("push__body")}
    later = {f"{_OWN}withdrawn_at__gt": F("push__handed_out_at")}
    return Q(**begun) & (Q(**{f"{_OWN}withdrawn_at": None}) | Q(**later))


def _less(every: ScriptResult | None, part: ScriptResult | None) -> ScriptResult:
    whole, without = every or ScriptResult(), part or ScriptResult()
    return ScriptResult(*(getattr(whole, name) - getattr(without, name) for name in _COUNTS))


def places(results: dict[int, ScriptResult]) -> dict[int, int]:
    """1 for the best: those with enough reached customers, by rate; equal rates share a place."""
    rates = {pk: found.conversion_rate or 0.0 for pk, found in results.items() if found.is_enough}
    return {pk: 1 + sum(other > own for other in rates.values()) for pk, own in rates.items()}
