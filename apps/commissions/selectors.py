"""Reads of commission: a guide's months and lines, sums by store and guide."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F, QuerySet, Subquery, Sum

from apps.accounts.actor import Actor
from apps.commissions.models import (
    CommissionLine,
    CommissionMonth,
    CommissionQuestion,
    CommissionRule,
    CommissionTotal,
)
from apps.core.partitions import months_between

NET = F("sales_fen") + F("refunds_fen") + F("corrections_fen")


@dataclass(frozen=True, slots=True)
class MonthSum:
    """A guide's or a store's commission of a month, in fen; settled once head office closed it."""

    month: date
    net_fen: int
    refunds_fen: int
    is_settled: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of whatever they are of, in fen."""

    sales_fen: int
    refunds_fen: int
    corrections_fen: int
    lines: int

    @property
    def net_fen(self) -> int:
        return self.sales_fen + self.refunds_fen + self.corrections_fen


def closed_through() -> date | None:
    """The last month that head office closed."""
    return CommissionMonth.objects.order_by("-month").values_list("month", flat=True).first()


def is_settled(month: date, closed: date | None) -> bool:
    return closed is not None and month <= closed


def months_of_guide(*, guide_id: int, limit: int = 12) -> list[MonthSum]:
    """The guide's latest months with commission, the newest first; one query."""
    closed = CommissionMonth.objects.order_by("-month").values("month")[:1]
    rows = (
        CommissionTotal.objects.filter(guide_id=guide_id)
        .order_by("-month")
        .values("month")
        .annotate(net=Sum(NET), back=Sum("refunds_fen"), closed=Subquery(closed))[:limit]
    )
    return [
        MonthSum(row["month"], row["net"], row["back"], is_settled(row["month"], row["closed"]))
        for row in rows
    ]


def month_of_guide(*, guide_id: int, month: date) -> MonthSum:
    """Any one month of the guide, also without commission or of long ago; two queries."""
    rows = CommissionTotal.objects.filter(guide_id=guide_id, month=month)
    sums = rows.aggregate(net=Sum(NET), back=Sum("refunds_fen"))
    settled = is_settled(month, closed_through())
    return MonthSum(month, sums["net"] or 0, sums["back"] or 0, settled)


def has_rules() -> bool:
    """Whether this chain counts commission at all."""
    return CommissionRule.objects.exists()


def lines_of_guide(*, guide_id: int, month: date, actor: Actor) -> QuerySet[CommissionLine]:
    """A guide's lines of a month, the latest day first."""
    rows = CommissionLine.objects.visible_to(actor).filter(guide_id=guide_id, month=month)
    return rows.select_related("rule", "product", "order", "store").order_by("-business_on", "-pk")


def together_with(line: CommissionLine) -> list[CommissionLine]:
    """All entries of the same sale line for the same guide by the same rule, the first first."""
    rows = CommissionLine.objects.filter(
        sale_id=line.sale_id,
        sale_line_no=line.sale_line_no,
        guide_id=line.guide_id,
        rule_id=line.rule_id,
    )
    return list(rows.select_related("order").order_by("pk"))


def questions_about(line: CommissionLine) -> list[CommissionQuestion]:
    return list(CommissionQuestion.objects.filter(line=line).order_by("-pk")[:10])


def store_sum(*, month: date, actor: Actor) -> int:
    """What the stores that the actor leads come to in a month, in fen."""
    rows = CommissionTotal.objects.of_stores(actor).filter(month=month)
    return rows.aggregate(net=Sum(NET))["net"] or 0


# --- head office ----------------------------------------------------------------------------------


def months(*, until: date) -> list[date]:
    """From the first month with commission to that of `until`, the newest first; at most 36."""
    first = CommissionTotal.objects.order_by("month").values_list("month", flat=True).first()
    return months_between(first or until, until)[::-1][:36]


_SUMS: dict[str, Any] = {
    "sales": Sum("sales_fen"),
    "refunds": Sum("refunds_fen"),
    "corrections": Sum("corrections_fen"),
    "entries": Sum("lines"),
}


def sums_of(row: dict[str, Any]) -> Sums:
    return Sums(
        row["sales"] or 0, row["refunds"] or 0, row["corrections"] or 0, row["entries"] or 0
    )


def month_sums(*, month: date, actor: Actor) -> Sums:
    rows = CommissionTotal.objects.of_stores(actor).filter(month=month)
    return sums_of(rows.aggregate(**_SUMS))


def by_store(*, month: date, actor: Actor) -> QuerySet:
    """Rows of sums a store, the most first."""
    rows = CommissionTotal.objects.of_stores(actor).filter(month=month).order_by()
    grouped = rows.values("store_id", "store__name", "store__code").annotate(**_SUMS)
    return grouped.order_by(F("sales").desc(), "store_id")


def by_guide(*, month: date, actor: Actor, store_id: int | None = None) -> QuerySet:
    """Rows of sums a guide and store, the most first; for head office alone."""
    rows = CommissionTotal.objects.filter(month=month) if actor.sees_all else None
    if rows is None:
        return CommissionTotal.objects.none()
    if store_id is not None:
        rows = rows.filter(store_id=store_id)
    names = (
        "guide_id", "guide__name", "guide__wecom_userid", "store_id", "store__name", "store__code",
    )  # fmt: skip
    return rows.order_by().values(*names).annotate(**_SUMS).order_by(F("sales").desc(), "guide_id")
