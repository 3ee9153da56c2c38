"""任务下发 › 任务规则: every trigger on one page, as a sentence with its numbers."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks.selectors.rules import rule_views, rules
from apps.guide_tasks.services.rules.settings import RuleNumbers, add_care_step, change_rule
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.rule_forms import CareStepForm, RuleForm, forms_of, template_choices
from apps.orders.selectors import categories

_BAD_REQUEST = 422


@hq_page(Capability.VIEW_PUSHES)
def rule_list(request: HttpRequest) -> HttpResponse:
    """All triggers; who may push may change them."""
    choices = template_choices()
    return _page(request, forms_of(rules(), data=None, choices=choices), choices)


def _page(
    request: HttpRequest,
    rows: list[RuleForm],
    choices: Any,
    *,
    step: CareStepForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    views = rule_views([form.rule for form in rows], now=clock.now())
    return show(
        request,
        "hq/rules.html",
        title=_("Task rules"),
        status=status,
        rows=list(zip(rows, views, strict=True)),
        step=step or CareStepForm(None, choices=choices),
        step_open=step is not None,
        categories=categories(),
        may_change=actor_of(request).can(Capability.PUSH_TASKS),
        problem=problem,
    )


@hq_action(Capability.PUSH_TASKS)
def save_rules(request: HttpRequest) -> HttpResponse:
    """Keep every changed rule, or none of them when one has a mistake."""
    choices = template_choices()
    rows = forms_of(rules(), data=request.POST, choices=choices)
    # all of them, so that every mistake is shown at once
    if not all([form.is_valid() for form in rows]):
        problem = _("Nothing was saved: see the lines marked in red.")
        return _page(request, rows, choices, problem=problem, status=_BAD_REQUEST)
    changed = [form for form in rows if form.changed_data]
    try:
        with transaction.atomic():
            for form in changed:
                change_rule(
                    rule_id=form.rule.pk,
                    actor=actor_of(request),
                    now=clock.now(),
                    **form.changes(),
                )
    except DomainError as error:
        return _page(request, rows, choices, problem=str(error), status=_BAD_REQUEST)
    count = len(changed)
    messages.success(
        request, ngettext("%(n)s rule changed.", "%(n)s rules changed.", count) % {"n": count}
    )
    return redirect("hq:rules")


@hq_action(Capability.PUSH_TASKS)
def add_step(request: HttpRequest) -> HttpResponse:
    """One more step of care, on from now."""
    choices = template_choices()
    step = CareStepForm(request.POST, choices=choices)
    problem = ""
    if step.is_valid():
        found = dict(step.cleaned_data)
        try:
            add_care_step(
                title=found.pop("title"),
                template_id=found.pop("template"),
                category=found.pop("category"),
                numbers=RuleNumbers(**found),
                actor=actor_of(request),
                now=clock.now(),
            )
        except DomainError as error:
            problem = str(error)
        else:
            messages.success(request, _("The step is added and works from now on."))
            return redirect("hq:rules")
    rows = forms_of(rules(), data=None, choices=choices)
    return _page(request, rows, choices, step=step, problem=problem, status=_BAD_REQUEST)
