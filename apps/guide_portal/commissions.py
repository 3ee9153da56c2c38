"""佣金: what a month comes to, its lines by day, and one line with why it is what it is."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.core.paginator import Paginator
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.commissions import selectors
from apps.commissions.models import CommissionLine, CommissionQuestion, CommissionRule, percent_of
from apps.core.money import format_fen
from apps.core.partitions import month_of
from apps.core.shown import Shown
from apps.guide_portal.cards import Chip
from apps.guide_portal.templatetags.portal import month_day

PER_PAGE = 30
Kind = CommissionLine.Kind


@dataclass(frozen=True, slots=True)
class MyCommission(Shown):
    """On 我的: this month so far, what returns took off, and the last month that is settled."""

    estimated: str
    refunds: str
    settled: str


@dataclass(frozen=True, slots=True)
class LineRow(Shown):
    """A line of the list."""

    pk: int
    name: str
    words: str
    amount: str
    is_back: bool


@dataclass(frozen=True, slots=True)
class Day:
    day: str
    amount: str
    rows: list[LineRow]


@dataclass(frozen=True, slots=True)
class ListPage:
    """A month of one's own; `stores` is what the stores one leads come to, as a sum alone."""

    month: str
    sum: str
    refunds: str
    chip: Chip
    stores: str
    others: list[tuple[str, str, bool]]
    days: list[Day]
    page: int
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class LinePage:
    """One line: order, rule, percentage, what came back, and what was asked about it."""

    line: CommissionLine
    name: str
    kind: str
    amount: str
    base: str
    percent: str
    party: str
    goods: str
    chip: Chip
    together: list[LineRow]
    left: str
    questions: list[CommissionQuestion]
    may_ask: bool


def my_commission(*, guide_id: int, has_rules: bool, now: datetime) -> MyCommission | None:
    """None where this chain counts no commission."""
    months = selectors.months_of_guide(guide_id=guide_id)
    if not months and not has_rules:
        return None
    current = next((one for one in months if one.month == month_of(now)), None)
    settled = next((one for one in months if one.is_settled), None)
    words = _("%(month)s settled: %(amount)s")
    return MyCommission(
        estimated=format_fen(current.net_fen if current else 0),
        refunds=format_fen(-current.refunds_fen) if current and current.refunds_fen else "",
        settled=words % {"month": month_words(settled.month), "amount": format_fen(settled.net_fen)}
        if settled
        else "",
    )


def month_words(month: date) -> str:
    return date_format(month, "YEAR_MONTH_FORMAT")


def asked_month(text: str, now: datetime) -> date:
    """2026-03 as its first day; the current month for anything else."""
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        return month_of(now)


def state_chip(is_settled: bool) -> Chip:
    if is_settled:
        return Chip("ok", pgettext("commission", "Settled"), "ok")
    return Chip("clock", pgettext("commission", "Estimated"), "wait")


def list_page(*, actor: Actor, month: date, page: str, now: datetime) -> ListPage:
    """Thirty lines of a month, by day; the same queries for any number of lines."""
    guide_id = actor.guide_id or 0
    months = selectors.months_of_guide(guide_id=guide_id)
    known = {one.month: one for one in months}
    current = known.get(month) or selectors.month_of_guide(guide_id=guide_id, month=month)
    rows = selectors.lines_of_guide(guide_id=guide_id, month=month, actor=actor)
    shown = Paginator(rows, PER_PAGE).get_page(page)
    leads = bool(actor.store_ids or actor.region_ids)
    offered = sorted({*known, month_of(now), month}, reverse=True)
    return ListPage(
        month=month_words(month),
        sum=format_fen(current.net_fen),
        refunds=format_fen(-current.refunds_fen) if current.refunds_fen else "",
        chip=state_chip(current.is_settled),
        stores=format_fen(selectors.store_sum(month=month, actor=actor)) if leads else "",
        others=[(f"{one:%Y-%m}", month_words(one), one == month) for one in offered],
        days=[_day(day, list(lines)) for day, lines in groupby(shown, lambda row: row.business_on)],
        page=shown.number,
        newer=shown.previous_page_number() if shown.has_previous() else None,
        older=shown.next_page_number() if shown.has_next() else None,
    )


def _day(day: date, lines: list[CommissionLine]) -> Day:
    amount = sum(line.amount_fen for line in lines)
    return Day(day=month_day(day), amount=format_fen(amount), rows=[_row(line) for line in lines])


def _row(line: CommissionLine) -> LineRow:
    words = [line.get_kind_display(), line.rule.get_party_display(), percent_of(line.rate_bp)]
    return LineRow(
        pk=line.pk,
        name=line.product.name if line.product else line.order.external_no,
        words=" · ".join(str(word) for word in words),
        amount=format_fen(line.amount_fen),
        is_back=line.amount_fen < 0,
    )


def line_page(*, line: CommissionLine) -> LinePage:
    """Everything that made this line what it is; four queries more."""
    together = selectors.together_with(line)
    questions = selectors.questions_about(line)
    return LinePage(
        line=line,
        name=line.product.name if line.product else "",
        kind=str(line.get_kind_display()),
        amount=format_fen(line.amount_fen),
        base=format_fen(line.base_fen),
        percent=percent_of(line.rate_bp),
        party=str(line.rule.get_party_display()),
        goods=goods_words(line.rule),
        chip=state_chip(selectors.is_settled(line.month, selectors.closed_through())),
        together=[_entry(one) for one in together] if len(together) > 1 else [],
        left=format_fen(sum(one.amount_fen for one in together)),
        questions=questions,
        may_ask=all(one.answered_at for one in questions),
    )


def _entry(line: CommissionLine) -> LineRow:
    return LineRow(
        pk=line.pk,
        name=f"{line.get_kind_display()} {format_fen(line.base_fen)}",
        words=f"{month_day(line.business_on)} · {line.order.external_no}",
        amount=format_fen(line.amount_fen),
        is_back=line.amount_fen < 0,
    )


def goods_words(rule: CommissionRule) -> str:
    """全部商品, 品类 裙装, 款号 ST1"""
    if rule.scope == CommissionRule.Scope.CATEGORY:
        return _("category %(name)s") % {"name": rule.category}
    if rule.scope == CommissionRule.Scope.STYLE:
        return _("style %(name)s") % {"name": rule.style_no}
    return str(rule.get_scope_display())
