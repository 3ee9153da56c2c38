"""企微 › 接入: connect a corp, then step by step what is right and where the rest is mended."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.accounts.naming import names_of, reference_of
from apps.core import clock
from apps.core.errors import DomainError
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.connection_forms import ConnectForm
from apps.stores.models import Guide
from apps.wecom import connection, diagnosis
from apps.wecom.diagnosis.checks import StepRow
from apps.wecom.models import CallbackEndpoint, ConnectionCheck, CorpApp
from apps.wecom.selectors import apps_with_checks

Step, State = ConnectionCheck.Step, ConnectionCheck.State
IN_ORDER = "1"  # what the button of a step says that a person looks at
MARKS = {State.OK: "on", State.WARN: "warn", State.BAD: "bad", State.OPEN: ""}


@dataclass(frozen=True, slots=True)
class StepView:
    """One line of the checklist as it is drawn."""

    row: StepRow
    number: int
    guides: list[Any]
    who: str
    same_as: int | None = None  # the earlier step that failed of the same cause

    @property
    def mark(self) -> str:
        return MARKS[State(self.row.state)]

    @property
    def state(self) -> str:
        return str(State(self.row.state).label)

    @property
    def errcode(self) -> str:
        """WeCom's number; our own words say what they mean."""
        code = self.row.last.code if self.row.last else ""
        return code if code.lstrip("-").isdecimal() else ""

    @property
    def title(self) -> str:
        return str(self.row.step.label)

    @property
    def figure(self) -> str:
        detail = self.row.last.detail if self.row.last else {}
        if detail.get("missing") == 0:
            return _("%(guides)s guides, nobody is missing") % detail
        return next((text % detail for name, text in _figures().items() if name in detail), "")


def _figures() -> dict[str, str]:
    """What a finding's detail says, the first that fits."""
    return {
        "theirs": _("WeCom: %(theirs)s · ours: %(ours)s"),
        "ours": _("ours: %(ours)s"),
        "ip": _("WeCom saw us come from %(ip)s"),
        "members": _("%(members)s members may have customers"),
        "missing": _("%(missing)s of %(guides)s guides"),
        "times": _("%(times)s times in 7 days"),
        "name": "%(name)s",
    }


def _meaning(step: str) -> str:
    """What a step is, for somebody who never saw WeCom's admin."""
    return {
        Step.VERIFIED: _("Only a verified corp (企业认证) may use customer contact in full."),
        Step.SECRET: _("With these two WeCom gives us the right to call."),
        Step.ADDRESS: _("WeCom takes calls only from addresses that the app lists."),
        Step.AGENT: _("The agent id belongs to the secret, and the app is switched on."),
        Step.CALLABLE: _("The app is listed under customer contact as one that may call."),
        Step.DOMAIN: _("Guides' pages and the chat's sidebar open only on this domain."),
        Step.SIGN_IN: _("A guide taps and comes in without a password."),
        Step.CALLBACK: _("WeCom tells us at once who added or deleted whom."),
        Step.RANGE: _("A guide outside the range gets no card and no customer."),
        Step.PERMISSION: _("Only members with this right can have customers."),
        Step.QUOTA: _("A corp and each member may have only so many friends."),
    }[Step(step)]


@hq_page(Capability.MANAGE_WECOM)
def connections(request: HttpRequest) -> HttpResponse:
    """The corps and apps that are connected, and the form for one more."""
    form = ConnectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            keys = connection.connect_app(**form.cleaned_data, actor=actor_of(request))
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return _show_keys(request, keys)
    return show(
        request,
        "hq/connections.html",
        title=_("Connection"),
        rows=apps_with_checks(),
        form=form,
        steps=len(Step),
    )


def _show_keys(request: HttpRequest, keys: connection.CallbackKeys) -> HttpResponse:
    """In the answer to the POST itself: nowhere kept, not to be opened again."""
    return show(
        request,
        "hq/connection_keys.html",
        title=_("Connection"),
        keys=keys,
        url=connection.callback_url(keys.endpoint),
    )


def _app(pk: int) -> CorpApp:
    return get_object_or_404(CorpApp.objects.select_related("corp"), pk=pk)


def _steps(app: CorpApp) -> list[StepView]:
    """The steps with the names of guides and of who looked: one query for each kind."""
    rows = diagnosis.steps_of(app)
    named = {row.step: list(row.last.detail.get("userids", ())) for row in rows if row.last}
    wanted = {userid for userids in named.values() for userid in userids}
    ours = Guide.objects.filter(corp_id=app.corp.corp_id, wecom_userid__in=wanted)
    guides = {guide.wecom_userid: guide for guide in ours}
    people = names_of(reference_of(row.last.checked_by) for row in rows if row.last)

    def who(row: StepRow) -> str:
        label = row.last.checked_by if row.last else ""
        person = people.get(reference_of(label))
        return person.name if person else label

    found: list[StepView] = []
    first: dict[str, int] = {}  # the step that told of a cause
    for number, row in enumerate(rows, 1):
        affected = [guides[userid] for userid in named.get(row.step, ()) if userid in guides]
        code = row.last.code if row.last and row.state == State.BAD else ""
        found.append(StepView(row, number, affected, who(row), first.get(code)))
        if code:
            first.setdefault(code, number)
    return found


def _doors(app: CorpApp) -> list[tuple[str, str]]:
    """What to enter in WeCom's admin for this corp: the app's home page, the chat's sidebar."""
    sign_in = f"{settings.PUBLIC_BASE_URL.rstrip('/')}{reverse('guide_portal:sign_in')}"
    home = f"{sign_in}?{urlencode({'corp': app.corp.corp_id})}"
    side = f"{home}&{urlencode({'next': reverse('guide_portal:sidebar')})}"
    return [(_("App's home page"), home), (_("Chat toolbar, sidebar"), side)]


@hq_page(Capability.MANAGE_WECOM)
def connection_app(request: HttpRequest, pk: int) -> HttpResponse:
    """The checklist of one app."""
    app = _app(pk)
    steps = _steps(app)
    endpoints = CallbackEndpoint.objects.filter(corp=app.corp).order_by("pk")
    return show(
        request,
        "hq/connection.html",
        title=app.name,
        app=app,
        steps=[(step, _meaning(step.row.step)) for step in steps],
        done=sum(step.row.state == State.OK for step in steps),
        endpoints=[(row, connection.callback_url(row)) for row in endpoints],
        doors=_doors(app),
    )


@hq_action(Capability.MANAGE_WECOM)
def connection_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Check one step again, or with an empty `step` all that WeCom can answer."""
    app, actor, now = _app(pk), actor_of(request), clock.now()
    step = request.POST.get("step", "")
    if step and step not in Step.values:
        raise Http404
    ours = Guide.objects.filter(corp_id=app.corp.corp_id, status=Guide.Status.ACTIVE)
    userids = list(ours.values_list("wecom_userid", flat=True))
    try:
        if not step:
            diagnosis.check_all(app=app, userids=userids, actor=actor, now=now)
        elif request.POST.get("confirm"):
            fine = request.POST["confirm"] == IN_ORDER
            diagnosis.confirm(app=app, step=step, in_order=fine, actor=actor, now=now)
        else:
            diagnosis.check(app=app, step=step, userids=userids, actor=actor, now=now)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('hq:connection', args=[app.pk])}#{step}")


@hq_action(Capability.MANAGE_WECOM)
def connection_keys(request: HttpRequest, pk: int) -> HttpResponse:
    """New keys for a callback address, shown this once."""
    endpoint = get_object_or_404(CallbackEndpoint.objects.select_related("corp", "app"), pk=pk)
    return _show_keys(request, connection.renew_keys(endpoint=endpoint, actor=actor_of(request)))
