"""企微 › 继承: leavers nobody has handled, what each handover comes to, who is left and why."""

import csv
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.handovers import selectors, services
from apps.handovers.models import HandoverGroup, HandoverItem, HandoverRun
from apps.handovers.selectors import GROUP_REST, REST
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.members.selectors import masked_name
from apps.stores import selectors as store_reads
from apps.stores.models import Guide, Store

PER_PAGE = 50
NOBODYS = "nobodys"  # done by our count, nobody's by WeCom's
GROUPS_SHOWN = 100
TONES = {"draft": "", "to_approve": "warn", "running": "", "done": "on"}
ITEM_TONES = {"done": "on", "refused": "bad", "full": "bad", "cannot": "bad", "left": "bad"}


@hq_page(Capability.VIEW_REPORTS)
def handover_list(request: HttpRequest) -> HttpResponse:
    """Who has left and waits, then every handover with its report."""
    actor = actor_of(request)
    page = Paginator(selectors.runs(actor=actor), PER_PAGE).get_page(request.GET.get("page"))
    reports = selectors.reports_of([run.pk for run in page])
    groups = selectors.group_reports_of([run.pk for run in page])
    return show(
        request,
        "hq/handovers.html",
        title=_("Handovers"),
        page=page,
        rows=[
            (run, reports[run.pk], groups[run.pk], *_standing(run, reports[run.pk], groups[run.pk]))
            for run in page
        ],
        leavers=selectors.leavers_without_run(actor=actor),
        listed=selectors.unassigned_total(actor=actor),
        differences=selectors.unassigned_differences(actor=actor),
        stores=_stores(request),
        may_act=actor.can(Capability.HAND_OVER),
        may_compare=actor.can(Capability.VIEW_HEALTH),
    )


def _standing(
    run: HandoverRun, report: selectors.Report, groups: selectors.Report
) -> tuple[str, str]:
    """Colour and word; a run whose calls are over but that left some to a person says so."""
    if run.state == HandoverRun.State.DONE and (report.rest or groups.rest):
        return "warn", _("Left over")
    return TONES.get(run.state, ""), str(run.get_state_display())


def _stores(request: HttpRequest) -> list[Store]:
    """Where customers may go: stores that trade today, of those the actor sees."""
    seen = Store.objects.visible_to(actor_of(request)).open_on(clock.today())
    return list(seen.order_by("code")[:500])


def _run(request: HttpRequest, pk: int) -> HandoverRun:
    rows = HandoverRun.objects.visible_to(actor_of(request))
    found: HandoverRun = get_object_or_404(
        rows.select_related("guide", "store__legal_entity", "to_store__legal_entity"), pk=pk
    )
    return found


def _number(raw: str | None) -> int:
    text = raw or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


@hq_action(Capability.HAND_OVER)
def plan_handover(request: HttpRequest) -> HttpResponse:
    """Plan one guide's customers of a store, for the same store or another one."""
    seen = Store.objects.visible_to(actor_of(request))
    store = get_object_or_404(seen, pk=_number(request.POST.get("store")))
    guide = get_object_or_404(Guide, pk=_number(request.POST.get("guide")))
    to_store = seen.filter(pk=_number(request.POST.get("to_store"))).first()
    try:
        run = services.plan_run(
            guide=guide, store=store, to_store=to_store, actor=actor_of(request), now=clock.now()
        )
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("hq:handovers")
    return redirect("hq:handover", pk=run.pk)


@hq_page(Capability.VIEW_REPORTS)
def handover(request: HttpRequest, pk: int) -> HttpResponse:
    """One handover: the plan or the report, successors, and the customers by state, masked."""
    run = _run(request, pk)
    asked = request.GET.get("state", "")
    states = REST if asked == "rest" else [asked] if asked in HandoverItem.State.values else []
    items = selectors.items_of(run, states=states)
    if asked == NOBODYS:
        items = items.exclude(unassigned_at=None)
    page = Paginator(items, PER_PAGE).get_page(request.GET.get("page"))
    actor = actor_of(request)
    report, groups = selectors.report_of(run), selectors.group_report_of(run)
    tone, standing = _standing(run, report, groups)
    return show(
        request,
        "hq/handover.html",
        title=run.guide.name,
        run=run,
        tone=tone,
        standing=standing,
        report=report,
        successors=selectors.successors_of(run),
        group_report=groups,
        group_rows=[_group_row(row) for row in selectors.groups_of(run)[:GROUPS_SHOWN]],
        colleagues=_colleagues(run),
        page=page,
        nobodys=run.items.current().exclude(unassigned_at=None).count(),
        query=f"state={asked}&" if states or asked == NOBODYS else "",
        asked=asked if states or asked == NOBODYS else "",
        rows=[_row(item) for item in page],
        may_act=actor.can(Capability.HAND_OVER),
        may_approve=services.may_approve(run, actor),
        may_export=actor.can(Capability.EXPORT_MEMBERS),
    )


def _colleagues(run: HandoverRun) -> list[Guide]:
    posted = store_reads.posted_with_duty(store_ids=[run.to_store_id], day=clock.today())
    return [one.guide for one in posted if run.fits(one.guide)]


def _row(item: HandoverItem) -> dict[str, Any]:
    return {
        "item": item,
        "name": masked_name(item.member),
        "tone": ITEM_TONES.get(item.state, "warn" if item.state == "unknown" else ""),
        "words": selectors.sentence_of(item) if item.state in REST or item.reason else "",
        "may_try": item.state in REST and bool(item.external_userid),
    }


def _group_row(row: HandoverGroup) -> dict[str, Any]:
    return {
        "row": row,
        "tone": ITEM_TONES.get(row.state, "warn" if row.state == "unknown" else ""),
        "words": selectors.group_sentence_of(row) if row.reason else "",
        "may_try": row.state in GROUP_REST,
    }


@hq_action(Capability.HAND_OVER)
def handover_act(request: HttpRequest, pk: int) -> HttpResponse:
    """Start, drop, change a successor, try once more: by the button's name."""
    run, actor, now = _run(request, pk), actor_of(request), clock.now()
    items = [_number(raw) for raw in request.POST.getlist("item")]
    groups = [_number(raw) for raw in request.POST.getlist("group")]
    try:
        match request.POST.get("act"):
            case "start":
                run = services.start_run(run=run, actor=actor, now=now)
                messages.success(request, str(run.get_state_display()))
            case "drop":
                services.drop_run(run=run, actor=actor, now=now)
                messages.success(request, _("Dropped; nothing has changed for the customers"))
                return redirect("hq:handovers")
            case "change":
                services.change_successor(
                    run=run, to=_guide(request, "to"), group_ids=groups,
                    instead_of=None if groups else _guide(request, "instead_of"),
                    actor=actor, now=now,
                )  # fmt: skip
            case "again":
                count = services.try_again(
                    run=run, item_ids=items, group_ids=groups, to=_guide(request, "to"),
                    actor=actor, now=now,
                )  # fmt: skip
                messages.success(request, _("%(n)s under way") % {"n": count})
            case "keep":
                count = services.keep_in_store(
                    run=run, item_ids=items, to=_guide(request, "to"), actor=actor, now=now
                )
                messages.success(request, _("%(n)s are served by the store") % {"n": count})
            case _:
                raise Http404
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("hq:handover", pk=pk)


def _guide(request: HttpRequest, name: str) -> Guide:
    found: Guide = get_object_or_404(Guide, pk=_number(request.POST.get(name)))
    return found


@hq_action(Capability.LEAD_REGION)
def handover_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """A handover between owners is allowed, or sent back with a word."""
    run = _run(request, pk)
    try:
        services.decide_run(
            run=run,
            allow=request.POST.get("allow") == "yes",
            word=request.POST.get("word", ""),
            actor=actor_of(request),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("hq:handover", pk=pk)


@hq_page(Capability.EXPORT_MEMBERS)
def handover_export(request: HttpRequest, pk: int) -> HttpResponse:
    """The list of everybody with state and reason, masked, for the record; audited."""
    run = _run(request, pk)
    accounts.audit(
        actor=actor_of(request),
        action="handover.exported",
        object_type="handover_run",
        object_id=run.pk,
    )
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="handover-{run.pk}.csv"'
    out = csv.writer(answer)
    out.writerow([_("customer"), _("successor"), _("state"), _("why"), _("ended at")])
    for item in selectors.items_of(run).iterator(chunk_size=1000):
        out.writerow(
            [
                masked_name(item.member),
                item.takeover.name if item.takeover else "",
                item.get_state_display(),
                selectors.sentence_of(item),
                f"{item.ended_at:%Y-%m-%d %H:%M}" if item.ended_at else "",
            ]
        )
    return answer
