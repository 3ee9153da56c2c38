"""A running push gets more time or is taken back: one page says what would happen, then asks."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks.models import CONFIRMED_IN_WECOM, State, TaskItem, TaskPush, TaskTarget
from apps.guide_tasks.services import recalling
from apps.guide_tasks.services.items.leading import extend_items
from apps.hq.access import actor_of, hq_action, hq_page, show

_FORMAT = "%Y-%m-%dT%H:%M"


class ExtendForm(forms.Form):
    due_at = forms.DateTimeField(
        label=gettext_lazy("new due time"),
        input_formats=[_FORMAT],
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=_FORMAT),
    )


def _running(request: HttpRequest, pk: int) -> TaskPush:
    pushes = TaskPush.objects.visible_to(actor_of(request))
    return get_object_or_404(pushes.select_related("campaign"), pk=pk)


def _default_due(push: TaskPush, now: datetime) -> datetime:
    return max(push.due_at or now, now) + timedelta(days=1)


def _page(
    request: HttpRequest, push: TaskPush, form: ExtendForm, status: int = 200
) -> HttpResponse:
    model = TaskItem if push.has_items else TaskTarget
    left = model.objects.open().filter(push=push)
    counts: dict[str, Any] = left.aggregate(left=Count("pk"), guides=Count("guide", distinct=True))
    return show(
        request,
        "hq/push_recall.html",
        title=_("More time") if push.has_items else _("More time, or take back"),
        status=status,
        push=push,
        form=form,
        sending=0 if push.has_items else left.filter(state=State.TO_VERIFY).count(),
        is_running=push.status == TaskPush.Status.HANDED_OUT,
        may_extend=push.rule_id is None and push.kind not in CONFIRMED_IN_WECOM,
        **counts,
    )


@hq_page(Capability.PUSH_TASKS)
def push_recall(request: HttpRequest, pk: int) -> HttpResponse:
    """What is still open, and the two ways to change it."""
    push = _running(request, pk)
    local = _default_due(push, clock.now()).astimezone(clock.chain_tz())
    return _page(request, push, ExtendForm(initial={"due_at": local}))


@hq_action(Capability.PUSH_TASKS)
def push_extend(request: HttpRequest, pk: int) -> HttpResponse:
    """延期: more time for everybody who is not done."""
    push, form = _running(request, pk), ExtendForm(request.POST)
    if not form.is_valid():
        return _page(request, push, form, status=400)
    extend = extend_items if push.has_items else recalling.extend_push
    try:
        given = extend(
            push=push,
            due_at=form.cleaned_data["due_at"],
            actor=actor_of(request),
            now=clock.now(),
        )
    except DomainError as error:
        form.add_error("due_at", str(error))
        return _page(request, push, form, status=400)
    words = _("%(n)s customers have more time now.")
    if push.has_items:
        words = _("%(n)s tasks have more time now.")
    messages.success(request, words % {"n": given})
    return redirect("hq:push", pk=push.pk)


@hq_action(Capability.PUSH_TASKS)
def push_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """撤回: what nobody has done is done by nobody any more."""
    push = _running(request, pk)
    try:
        taken = recalling.withdraw_push(push=push, actor=actor_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Taken back: %(n)s customers.") % {"n": taken})
    return redirect("hq:push", pk=push.pk)
