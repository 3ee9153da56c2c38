"""好友与社群 › 风险: signals about guides as cases; what was seen, a word, an outcome."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.accounts import services as accounts
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.risks import selectors, services
from apps.risks.models import RiskCase, RiskRule, Signal

PER_PAGE = 50
TONES = {"open": "warn", "looking": "", "confirmed": "bad", "false_alarm": "on"}


class RuleForm(forms.ModelForm):
    """When a signal becomes a case."""

    least = forms.IntegerField(label=gettext_lazy("customers at least"), min_value=1, max_value=999)
    days = forms.IntegerField(label=gettext_lazy("within days"), min_value=1, max_value=180)

    class Meta:
        model = RiskRule
        fields = ["is_active", "least", "days"]


def figures_of(case: RiskCase) -> str:
    """The figures as a sentence."""
    if case.signal == Signal.DELETES:
        number = case.figures.get("customers", 0)
        words = ngettext("deleted %(n)s customer", "deleted %(n)s customers", number)
        back = case.figures.get("back", 0)
        return words % {"n": number} + (
            _(", %(n)s of them friends again") % {"n": back} if back else ""
        )
    return _(
        "%(n)s customers contacted, no sale by the guide; %(m)s of them bought all the same"
    ) % {
        "n": case.figures.get("contacts", 0),
        "m": case.figures.get("bought", 0),
    }


def _row(case: RiskCase) -> dict[str, Any]:
    return {"case": case, "figures": figures_of(case), "tone": TONES[case.state]}


def _list(request: HttpRequest, refused: RuleForm | None = None) -> HttpResponse:
    actor = actor_of(request)
    decided = request.GET.get("decided") == "yes"
    found = selectors.cases(actor=actor, undecided=not decided)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rules = services.ensure_rules()
    forms_of = [RuleForm(instance=rules[signal], prefix=signal) for signal in Signal.values]
    return show(
        request,
        "hq/risks.html",
        title=_("Risk signals"),
        status=422 if refused else 200,
        page=page,
        rows=[_row(case) for case in page],
        decided=decided,
        query="decided=yes&" if decided else "",
        waiting=page.paginator.count if not decided else 0,
        rules=[refused if refused and refused.prefix == one.prefix else one for one in forms_of],
        may_act=actor.can(Capability.SETTLE_RISKS),
    )


@hq_page(Capability.VIEW_AUDIT)
def risk_list(request: HttpRequest) -> HttpResponse:
    """Cases to be decided, or decided ones; when a signal becomes a case."""
    return _list(request)


@hq_action(Capability.SETTLE_RISKS)
def change_risk_rule(request: HttpRequest, signal: str) -> HttpResponse:
    """Change when one signal becomes a case."""
    rule = services.ensure_rules().get(signal)
    if rule is None:
        raise Http404
    form = RuleForm(request.POST, instance=rule, prefix=signal)
    if not form.is_valid():
        return _list(request, form)
    form.save()
    accounts.audit(
        actor=actor_of(request),
        action="risk.rule_changed",
        object_type="risk_rule",
        object_id=rule.pk,
        detail={"fields": form.changed_data},
    )
    messages.success(request, _("Saved. The next look goes by it, tomorrow morning."))
    return redirect("hq:risks")


def _case(request: HttpRequest, pk: int) -> RiskCase:
    rows = RiskCase.objects.visible_to(actor_of(request)).select_related(
        "guide", "store", "taken_by", "decided_by"
    )
    found: RiskCase = get_object_or_404(rows, pk=pk)
    return found


def _page(request: HttpRequest, case: RiskCase, *, word: str = "", error: str = "") -> HttpResponse:
    return show(
        request,
        "hq/risk.html",
        title=case.guide.name,
        status=422 if error else 200,
        case=case,
        figures=figures_of(case),
        tone=TONES[case.state],
        seen=selectors.evidence_of(case),
        listed=selectors.LISTED,
        deletes=case.signal == Signal.DELETES,
        may_act=case.is_open and actor_of(request).can(Capability.SETTLE_RISKS),
        word=word,
        error=error,
    )


@hq_page(Capability.VIEW_AUDIT)
def risk(request: HttpRequest, pk: int) -> HttpResponse:
    """One case: what was seen, masked, and what somebody said of it."""
    return _page(request, _case(request, pk))


@hq_action(Capability.SETTLE_RISKS)
def decide_risk(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a case up, or close it with a word: by the button's name."""
    case, actor = _case(request, pk), actor_of(request)
    what, word = request.POST.get("what", ""), request.POST.get("word", "")
    try:
        if what == "look":
            services.look_into(case_id=case.pk, actor=actor)
            return redirect("hq:risk", pk=pk)
        if what not in ("confirmed", "false_alarm"):
            return _page(request, case, word=word, error=_("Choose one of the two outcomes."))
        services.decide(
            case_id=case.pk, confirmed=what == "confirmed", word=word, actor=actor, now=clock.now()
        )
    except DomainError as error:
        return _page(request, _case(request, pk), word=word, error=str(error))
    messages.success(request, _("Kept with your word. Nothing else follows by itself."))
    return redirect("hq:risks")
