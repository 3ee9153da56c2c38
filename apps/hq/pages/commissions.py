"""佣金: a month by store and by guide, closing it, a guide's lines, questions to answer."""

import csv
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.capabilities import Capability
from apps.commissions import selectors, services
from apps.commissions.models import CommissionLine, CommissionMonth, CommissionQuestion, percent_of
from apps.commissions.services.closing import closable_from
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.money import format_fen
from apps.core.partitions import month_of
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.sheets import cell
from apps.stores.models import Guide, Store

PER_PAGE = 50
STORES_SHOWN = 50


def _month(text: str) -> date:
    """2026-03 as its first day; this month for anything else."""
    year, _dash, number = text[:7].partition("-")
    try:
        return date(int(year), int(number), 1)
    except ValueError:
        return month_of(clock.now())


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None


def _sum_row(row: dict[str, Any]) -> dict[str, Any]:
    found = selectors.sums_of(row)
    return {
        "store_id": row["store_id"],
        "guide_id": row.get("guide_id"),
        "store": row["store__name"],
        "code": row["store__code"],
        "guide": row.get("guide__name", ""),
        "sales": format_fen(found.sales_fen),
        "back": format_fen(found.refunds_fen),
        "corrections": format_fen(found.corrections_fen),
        "net": format_fen(found.net_fen),
        "lines": found.lines,
    }


@hq_page(Capability.VIEW_COMMISSIONS)
def commission_month(request: HttpRequest) -> HttpResponse:
    """One month: its sums, the stores with the most, every guide."""
    actor, month = actor_of(request), _month(request.GET.get("month", ""))
    store_id = _number(request.GET.get("store", ""))
    closed = CommissionMonth.objects.filter(month=month).select_related("closed_by").first()
    sums = selectors.month_sums(month=month, actor=actor)
    guides = selectors.by_guide(month=month, actor=actor, store_id=store_id)
    page = Paginator(guides, PER_PAGE).get_page(request.GET.get("page"))
    stores = selectors.by_store(month=month, actor=actor)[:STORES_SHOWN]
    asked = f"{month:%Y-%m}"
    return show(
        request,
        "hq/commissions.html",
        title=_("Commission"),
        month=month,
        asked=asked,
        months=sorted({month, *selectors.months(until=clock.today())}, reverse=True),
        closed=closed,
        may_close_on=closable_from(month),
        may_close=closed is None and clock.today() >= closable_from(month) and sums.lines > 0,
        net=format_fen(sums.net_fen),
        sales=format_fen(sums.sales_fen),
        back=format_fen(sums.refunds_fen),
        corrections=format_fen(sums.corrections_fen),
        lines=sums.lines,
        stores=[_sum_row(row) for row in stores] if store_id is None else [],
        store=Store.objects.filter(pk=store_id).first() if store_id is not None else None,
        page=page,
        guides=[_sum_row(row) for row in page],
        query=f"month={asked}&" + (f"store={store_id}&" if store_id is not None else ""),
        waiting=CommissionQuestion.objects.visible_to(actor).waiting().count(),
        has_rules=selectors.has_rules(),
        may_act=actor.can(Capability.SETTLE_COMMISSIONS),
    )


@hq_action(Capability.SETTLE_COMMISSIONS)
def close_commission(request: HttpRequest) -> HttpResponse:
    """Settle a month as a whole; a second time changes nothing."""
    month = _month(request.POST.get("month", ""))
    try:
        services.close_month(month=month, actor=actor_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        words = _("%(month)s is settled. What comes later stands in the next open month.")
        messages.success(request, words % {"month": date_format(month, "YEAR_MONTH_FORMAT")})
    return redirect(f"{reverse('hq:commissions')}?month={month:%Y-%m}")


@hq_page(Capability.SETTLE_COMMISSIONS)
def commission_export(request: HttpRequest) -> HttpResponse:
    """Every guide's sums of a month as a sheet; audited."""
    actor, month = actor_of(request), _month(request.GET.get("month", ""))
    rows = list(selectors.by_guide(month=month, actor=actor))
    accounts.audit(
        actor=actor,
        action="commission.exported",
        object_type="commission_month",
        detail={"month": f"{month:%Y-%m}", "rows": len(rows)},
    )
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="commission-{month:%Y-%m}.csv"'
    settled = selectors.is_settled(month, selectors.closed_through())
    state = _("settled") if settled else _("estimated")
    out = csv.writer(answer)
    out.writerow([
        _("month"), _("store code"), _("store"), _("guide"), _("WeCom user id"), _("sales"),
        _("returns"), _("corrections"), _("total"), _("lines"), _("state"),
    ])  # fmt: skip
    for row in rows:
        found = selectors.sums_of(row)
        amounts = (
            found.sales_fen, found.refunds_fen, found.corrections_fen, found.net_fen,
        )  # fmt: skip
        names = [row["store__code"], row["store__name"], row["guide__name"]]
        out.writerow([
            f"{month:%Y-%m}", *map(cell, names), cell(row["guide__wecom_userid"]),
            *(f"{fen / 100:.2f}" for fen in amounts), found.lines, state,
        ])  # fmt: skip
    return answer


@hq_page(Capability.VIEW_COMMISSIONS)
def commission_guide(request: HttpRequest, guide_id: int) -> HttpResponse:
    """A guide's lines of a month: the rows behind a sum."""
    actor, month = actor_of(request), _month(request.GET.get("month", ""))
    guide = get_object_or_404(Guide.objects.visible_to(actor), pk=guide_id)
    rows = selectors.lines_of_guide(guide_id=guide.pk, month=month, actor=actor)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/commission_guide.html",
        title=guide.name,
        guide=guide,
        month=month,
        page=page,
        rows=[_line_row(line) for line in page],
        total=format_fen(rows.aggregate(fen=Sum("amount_fen"))["fen"] or 0),
        query=f"month={month:%Y-%m}&",
    )


def _line_row(line: CommissionLine) -> dict[str, Any]:
    return {
        "line": line,
        "amount": format_fen(line.amount_fen),
        "base": format_fen(line.base_fen),
        "percent": percent_of(line.rate_bp),
        "tone": "bad" if line.amount_fen < 0 else "",
    }


# --- questions ------------------------------------------------------------------------------------


@hq_page(Capability.VIEW_COMMISSIONS)
def commission_questions(request: HttpRequest) -> HttpResponse:
    """What guides ask about their lines: those that wait, the oldest first, or answered ones."""
    return _questions(request)


def _questions(
    request: HttpRequest, *, refused: tuple[int, str, str] | None = None
) -> HttpResponse:
    """`refused` is a question with the words that could not be taken, and why."""
    actor, answered = actor_of(request), request.GET.get("answered") == "yes"
    found = CommissionQuestion.objects.visible_to(actor).select_related(
        "guide", "line__rule", "line__order", "line__store", "line__product", "answered_by"
    )
    waiting = found.waiting().order_by("asked_at", "pk")
    rows = found.exclude(answered_at=None).order_by("-answered_at") if answered else waiting
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    pk, words, error = refused or (0, "", "")
    return show(
        request,
        "hq/commission_questions.html",
        title=_("Questions about commission"),
        status=422 if refused else 200,
        page=page,
        rows=[
            {
                "question": one,
                **_line_row(one.line),
                "words": words if one.pk == pk else "",
                "error": error if one.pk == pk else "",
            }
            for one in page
        ],
        answered=answered,
        query="answered=yes&" if answered else "",
        waiting=page.paginator.count if not answered else 0,
        may_act=actor.can(Capability.SETTLE_COMMISSIONS) and not answered,
    )


@hq_action(Capability.SETTLE_COMMISSIONS)
def answer_commission(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer one; the guide gets a card."""
    actor, words = actor_of(request), request.POST.get("words", "")
    question = get_object_or_404(CommissionQuestion.objects.visible_to(actor), pk=pk)
    try:
        services.answer_question(question_id=question.pk, words=words, actor=actor, now=clock.now())
    except DomainError as error:
        return _questions(request, refused=(pk, words, str(error)))
    messages.success(request, _("Answered. The guide gets a card in WeCom."))
    return redirect("hq:commission_questions")
