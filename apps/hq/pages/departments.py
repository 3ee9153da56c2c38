"""企微 › 部门: guides who sit in another store's department, and which store each department is."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.wecom.selectors import active_corps
from apps.wecom_sync import selectors, services
from apps.wecom_sync.models import StoreMove

PER_PAGE = 100


@hq_page(Capability.VIEW_HEALTH)
def departments(request: HttpRequest) -> HttpResponse:
    """Moves to decide first, then stores whose department is gone, then the departments."""
    actor = actor_of(request)
    loose = request.GET.get("only") == "loose"
    rows = selectors.departments(without_store=loose)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    found = list(page)
    stores, above = selectors.stores_of_departments(found), selectors.names_above(found)
    corps = {corp.corp_id: corp.name for corp in active_corps()}
    return show(
        request,
        "hq/departments.html",
        title=_("Departments"),
        compared_at=selectors.staff_compared_at(),
        moves=selectors.open_moves(actor=actor),
        waiting=selectors.newcomers_waiting(actor=actor),
        orphans=selectors.stores_without_department(),
        page=page,
        query="only=loose&" if loose else "",
        loose=loose,
        rows=[
            (row, above[row.pk], stores[row.pk], corps.get(row.corp_id, row.corp_id))
            for row in found
        ],
        several=len(corps) > 1,
        may_act=actor.can(Capability.MANAGE_STORES),
    )


@hq_action(Capability.MANAGE_STORES)
def decide_store_move(request: HttpRequest, pk: int) -> HttpResponse:
    """The guide works in the department's store from today on, or stays where they are."""
    actor = actor_of(request)
    move = get_object_or_404(
        StoreMove.objects.visible_to(actor).select_related("guide", "to_store"), pk=pk
    )
    act = request.POST.get("act")
    if act not in ("take", "keep"):
        raise Http404
    take = act == "take"
    try:
        services.decide_move(move=move, take=take, actor=actor, now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("hq:departments")
    names = {"name": move.guide.name, "store": move.to_store.name}
    if take:
        said = _("%(name)s works in %(store)s from today on. Plan a handover for the customers.")
        messages.success(request, said % names)
    else:
        messages.success(request, _("%(name)s stays. You are not asked about it again.") % names)
    return redirect("hq:departments")
