"""任务下发: the list, and the page of one push."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks import services as guide_services
from apps.guide_tasks.models import Grade, PushSeries, State, TaskItem, TaskPush, TaskTarget
from apps.guide_tasks.selectors.series import series_of_push
from apps.hq import origins
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.pages.items import items_context
from apps.hq.pages.push_result import result_context

LIST_PAGE = 30


def _count(model: type[TaskTarget | TaskItem], **condition: Any) -> Coalesce:
    rows = model.objects.filter(push_id=OuterRef("pk"), **condition).order_by()
    return Coalesce(Subquery(rows.values("push_id").annotate(n=Count("pk")).values("n")), 0)


@hq_page(Capability.VIEW_PUSHES)
def push_list(request: HttpRequest) -> HttpResponse:
    """Pushes newest first; a rule's daily ones on request."""
    actor = actor_of(request)
    which = request.GET.get("which", "")
    rows: QuerySet[Any] = TaskPush.objects.visible_to(actor).select_related(
        "campaign", "segment_run__version__segment", "rule"
    )
    rows = rows.filter(rule__isnull=False) if which == "rules" else rows.filter(rule=None)
    rows = rows.exclude(status=TaskPush.Status.PATTERN)
    if which == "drafts":
        rows = rows.filter(status__in=[TaskPush.Status.DRAFT, TaskPush.Status.APPROVED])
    rows = origins.with_origin(rows)
    origin = request.GET.get("from", "")
    origin = origin if origin in origins.WORDS else ""
    if origin:
        rows = rows.filter(origin=origin)
    rows = rows.order_by("-pk").annotate(
        issued=_count(TaskTarget),
        delivered=_count(TaskTarget, contact_grade=Grade.DELIVERED),
        done=_count(TaskTarget, state=State.DONE),
        excused=_count(TaskTarget, state=State.NOT_APPLICABLE),
        purchased=_count(TaskTarget, purchased_at__isnull=False),
        items=_count(TaskItem),
        items_done=_count(TaskItem, state=State.DONE),
        items_excused=_count(TaskItem, state=State.NOT_APPLICABLE),
    )
    for_page = {"which": which, "from": origin}
    page = Paginator(rows, LIST_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "hq/pushes.html",
        title=_("Task pushes"),
        page=page,
        which=which,
        origin=origin,
        origins=list(origins.WORDS.items()),
        query="".join(f"{urlencode({name: value})}&" for name, value in for_page.items() if value),
        may_push=actor.can(Capability.PUSH_TASKS),
    )


def visible_push(request: HttpRequest, pk: int) -> TaskPush:
    """A push the actor may see; else 404."""
    pushes_seen = TaskPush.objects.visible_to(actor_of(request)).select_related(
        "campaign", "segment_run__version__segment", "template", "asset", "rule"
    )
    return get_object_or_404(pushes_seen, pk=pk)


@hq_page(Capability.VIEW_PUSHES)
def push_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The result: lift first, then everybody in one place, two axes, who did how well."""
    push = visible_push(request, pk)
    if push.status == TaskPush.Status.PATTERN:
        return redirect("hq:series", pk=get_object_or_404(PushSeries, pattern=push).pk)
    repeats: dict[str, Any] = {
        "series": series_of_push(push),
        "may_repeat": _may_repeat(push, request),
    }
    if push.has_items:
        context = items_context(push, actor_of(request))
        return show(request, "hq/push_items.html", title=push.title, **repeats, **context)
    if push.is_starting or push.status == TaskPush.Status.HANDING_OUT:
        return _on_its_way(request, push)
    if push.status in (TaskPush.Status.DRAFT, TaskPush.Status.APPROVED):
        return redirect("hq:push_step", pk=push.pk, step=6)
    return show(
        request,
        "hq/push.html",
        title=push.title,
        **repeats,
        **result_context(push, actor_of(request), request.GET.get("by", "region")),
    )


def _on_its_way(request: HttpRequest, push: TaskPush) -> HttpResponse:
    """Being decided, or being written; the page looks again by itself."""
    return show(
        request,
        "hq/push_on_its_way.html",
        title=push.title,
        push=push,
        found=guide_tasks.on_its_way(push),
        begun=push.handing_out_at or push.hand_out_at,
        may_push=actor_of(request).can(Capability.PUSH_TASKS),
    )


def _may_repeat(push: TaskPush, request: HttpRequest) -> bool:
    is_out = push.handed_out_at is not None and push.rule_id is None
    return is_out and actor_of(request).can(Capability.PUSH_TASKS)


@hq_action(Capability.MANAGE_TEAM)
def push_chase(request: HttpRequest, pk: int) -> HttpResponse:
    """催办: remind the guides of a push who have not finished; at most three times a day each."""
    push = visible_push(request, pk)
    chase = guide_services.chase_items if push.has_items else guide_services.chase
    try:
        told = chase(push=push, actor=actor_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        words = _("%(n)s guides were reminded.")
        if push.has_items:
            words = _("Guides were reminded of %(n)s tasks.")
        messages.success(request, words % {"n": told})
    return redirect("hq:push", pk=push.pk)
