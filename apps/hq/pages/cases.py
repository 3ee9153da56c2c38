"""会员 › 客诉: one complaint, written down from a member's page, taken in hand, closed."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.accounts.models import User
from apps.cases import selectors, services
from apps.cases.admin import ServiceCaseAdmin
from apps.cases.models import CasePhoto, Holder, Kind, ServiceCase, State
from apps.cases.services.settling import RESULTS
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.fields import LinesField
from apps.core.ids import uuid7
from apps.core.pictures import picture_response
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.members.models import Member
from apps.members.selectors import masked_name
from apps.stores.models import Guide


class NewCaseForm(forms.Form):
    client_id = forms.UUIDField()
    kind = forms.ChoiceField(choices=Kind.choices)
    words = LinesField(max_length=300)


@hq_page(Capability.EDIT_MEMBERS)
def case_new(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What a member told head office; the store that serves TA gets it."""
    actor = actor_of(request)
    people = Member.objects.visible_to(actor).survivors()
    member: Member = get_object_or_404(people, public_id=public_id)
    form = NewCaseForm(request.POST if request.method == "POST" else None)
    error = ""
    if form.is_bound:
        if form.is_valid():
            try:
                row = services.open_case(
                    member_id=member.pk, actor=actor, now=clock.now(), **form.cleaned_data
                )
            except DomainError as refusal:
                error = _no_store(refusal)
            else:
                messages.success(request, _("Written down. The manager has a card about it."))
                return redirect("hq:case", row.pk)
        else:
            error = _("Choose what it is about and write a sentence.")
    return show(
        request,
        "hq/case_new.html",
        title=masked_name(member) or _("Customer without a name"),
        status=422 if error else 200,
        member=member,
        kinds=Kind.choices,
        kind=form.data.get("kind", ""),
        words=form.data.get("words", ""),
        client_id=uuid7(),
        error=error,
    )


def _no_store(refusal: DomainError) -> str:
    if refusal.code == "case_no_store":
        return _("No store serves this member. Give TA a serving guide first.")
    return str(refusal)


def _case(request: HttpRequest, pk: int) -> ServiceCase:
    rows = ServiceCase.objects.visible_to(actor_of(request))
    found: ServiceCase = get_object_or_404(
        rows.select_related("member", "store", "guide", "order"), pk=pk
    )
    return found


def _steps(case: ServiceCase) -> list[dict[str, Any]]:
    found = list(case.steps.order_by("at", "pk"))
    who: dict[str, str] = {}
    for model, kind in ((Guide, "guide"), (User, "user")):
        ids = {step.actor.partition(":")[2] for step in found if step.actor.startswith(f"{kind}:")}
        for row in model.objects.filter(pk__in=ids) if ids else ():
            who[f"{kind}:{row.pk}"] = str(
                row.get_full_name() if isinstance(row, User) else row.name
            )
    return [
        {"step": step, "words": selectors.words_of(step), "who": who.get(step.actor, _("system"))}
        for step in found
    ]


def _page(request: HttpRequest, case: ServiceCase, *, error: str = "", **sent: str) -> HttpResponse:
    may_act = selectors.may_settle(case, actor_of(request))
    return show(
        request,
        "hq/case.html",
        title=masked_name(case.member) or _("Customer without a name"),
        status=422 if error else 200,
        case=case,
        words=selectors.words_of(case),
        tone=ServiceCaseAdmin.marks[case.state],
        steps=_steps(case),
        photos=case.photos.order_by("pk"),
        results=[(one.value, one.label) for one in RESULTS],
        may_act=may_act,
        may_take=may_act
        and not case.is_closed
        and not (case.state == State.IN_HAND and case.holder == Holder.HQ),
        may_give=may_act and not case.is_closed and case.holder == Holder.HQ,
        sent=sent,
        error=error,
    )


@hq_page(Capability.VIEW_MEMBERS)
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """One complaint: what TA said, in whose hand it is, how it went."""
    return _page(request, _case(request, pk))


@hq_page(Capability.VIEW_MEMBERS)
def case_photo(request: HttpRequest, pk: int) -> HttpResponse:
    """A photo of a complaint, for who may see the complaint."""
    row = get_object_or_404(CasePhoto.objects.visible_to(actor_of(request)), pk=pk)
    response = picture_response(str(row.photo))
    response.headers["Cache-Control"] = "private, no-store"
    return response


@hq_action(Capability.VIEW_MEMBERS)
def settle_case(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it in hand, leave it to the store, close it, open it again: by the button's name."""
    row, actor, now = _case(request, pk), actor_of(request), clock.now()
    if not selectors.may_settle(row, actor):
        raise PermissionDenied
    what, words = request.POST.get("what", ""), request.POST.get("words", "")
    result = request.POST.get("result", "")
    try:
        if what == "take":
            services.take_up(case_id=row.pk, actor=actor, now=now)
        elif what == "give":
            services.hand_back(case_id=row.pk, actor=actor, now=now)
        elif what == "reopen":
            services.reopen(case_id=row.pk, words=words, actor=actor, now=now)
        else:
            services.close(case_id=row.pk, result=result, words=words, actor=actor, now=now)
    except DomainError as error:
        return _page(request, _case(request, pk), error=str(error), words=words, result=result)
    messages.success(request, _("Kept. The store is told."))
    return redirect("hq:case", pk=row.pk)
