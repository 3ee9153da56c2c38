"""客诉: written down from the customer's card, the list, one of them, and what came of it."""

import uuid

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.cases import services
from apps.cases.models import CasePhoto, Kind, ServiceCase
from apps.cases.services.photos import MOST, demand_few
from apps.core import photos
from apps.core.errors import DomainError
from apps.core.pictures import picture_response
from apps.guide_portal import cases
from apps.guide_portal.cards import person_of
from apps.guide_portal.case_forms import CloseCaseForm, OpenCaseForm, ReopenCaseForm
from apps.guide_portal.forms import ActForm, too_long
from apps.guide_portal.views.base import LeadersPage
from apps.guide_portal.views.customers import CustomerPage
from apps.members.models import Member
from apps.members.selectors import survivor_group


def sent_photos(request: HttpRequest) -> list[bytes]:
    """The files of a form. Raises PhotosEnough."""
    files = request.FILES.getlist("photo")
    demand_few(len(files))
    return [photos.raw_of(one) for one in files]


class OpenCase(CustomerPage):
    """What TA complains about: a kind, a sentence, and the purchase where there is one."""

    capability = Capability.EDIT_MEMBERS

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        return self._page(self.member(public_id))

    def _page(
        self,
        member: Member,
        form: OpenCaseForm | None = None,
        *,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        sent = form.data if form else {}
        context = {
            "person": person_of(member),
            "kinds": Kind.choices,
            "kind": sent.get("kind", ""),
            "words": sent.get("words", ""),
            "orders": cases.offered_orders(member_ids=survivor_group(member.pk)),
            "order": sent.get("order", ""),
            "problem": problem,
            "again": problem and bool(self.request.FILES),
            "most": MOST,
            "back": reverse("guide_portal:customer", args=[member.public_id]),
        }
        return self.render("guide_portal/open_case.html", context, status=status)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = OpenCaseForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            problem = too_long(form) or _("Choose what it is about and write a sentence.")
            return self._page(member, form, problem=problem, status=400)
        offered = dict(cases.offered_orders(member_ids=survivor_group(member.pk)))
        order_id = form.cleaned_data["order"]
        try:
            row = services.open_case(
                member_id=member.pk,
                kind=form.cleaned_data["kind"],
                words=form.cleaned_data["words"],
                order_id=order_id if order_id in offered else None,
                client_id=form.cleaned_data["client_id"],
                photos=sent_photos(request),
                actor=self.actor,
                now=self.now,
            )
        except DomainError as error:
            return self._page(member, form, problem=str(error), status=409)
        messages.success(request, _("Written down. The manager has a card about it."))
        return redirect("guide_portal:case", row.pk)


class Cases(LeadersPage):
    """Of one's own customers; a manager sees the store's, a regional manager the region's."""

    capability = Capability.WORK_TASKS
    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        context: dict[str, object] = {
            "parts": cases.parts_of(actor=self.actor, now=self.now),
            "empty_head": _("Nobody complains"),
        }
        if self.actor.guide_id is not None:
            context |= {
                "empty_words": _("Write a complaint down on the customer's card."),
                "empty_action": _("All customers"),
                "empty_to": reverse("guide_portal:customers"),
            }
        return self.render("guide_portal/cases.html", context)


class OfCase(LeadersPage):
    capability = Capability.WORK_TASKS

    def row(self, case_id: int) -> ServiceCase:
        """Of one's own customers, or of the places one leads; any other is 404."""
        rows = ServiceCase.objects.visible_to(self.actor)
        return get_object_or_404(
            rows.select_related("member", "guide", "store", "order"), pk=case_id
        )

    def page(
        self, case: ServiceCase, *, form: Form | None = None, problem: str = "", status: int = 200
    ) -> HttpResponse:
        sent = form.data if form else {}
        context = {
            "page": cases.detail_of(case, actor=self.actor, now=self.now),
            "words": sent.get("words", ""),
            "result": sent.get("result", ""),
            "problem": problem,
        }
        return self.render("guide_portal/case.html", context, status=status)


class OneCase(OfCase):
    def get(self, request: HttpRequest, case_id: int) -> HttpResponse:
        return self.page(self.row(case_id))


class AddPhotos(OfCase):
    """What TA shows, by whoever may see the case."""

    def post(self, request: HttpRequest, case_id: int) -> HttpResponseBase:
        case = self.row(case_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        if not request.FILES.getlist("photo"):
            return self.page(case, problem=_("Choose a photo first."), status=400)
        try:
            services.add_photos(
                case_id=case.pk, raws=sent_photos(request), actor=self.actor, now=self.now
            )
        except DomainError as error:
            return self.page(self.row(case_id), problem=str(error), status=409)
        messages.success(request, _("The photo is with the complaint"))
        return redirect("guide_portal:case", case.pk)


class OnePhoto(LeadersPage):
    """The photo itself, for who may see its complaint."""

    capability = Capability.WORK_TASKS

    def get(self, request: HttpRequest, case_photo_id: int) -> HttpResponseBase:
        row = get_object_or_404(CasePhoto.objects.visible_to(self.actor), pk=case_photo_id)
        return picture_response(str(row.photo))


class WithdrawPhoto(LeadersPage):
    """A photo that should not be there, taken back while the complaint is open."""

    capability = Capability.WORK_TASKS

    def post(self, request: HttpRequest, case_photo_id: int) -> HttpResponseBase:
        row = get_object_or_404(CasePhoto.objects.visible_to(self.actor), pk=case_photo_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        services.withdraw_photo(photo=row, actor=self.actor)
        messages.success(request, _("The photo is taken back"))
        return redirect("guide_portal:case", row.case_id)


class TakeCase(OfCase):
    """我来处理."""

    capability = Capability.MANAGE_TEAM

    def post(self, request: HttpRequest, case_id: int) -> HttpResponseBase:
        case = self.row(case_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        services.take_up(case_id=case.pk, actor=self.actor, now=self.now)
        messages.success(request, _("You have it in hand"))
        return redirect("guide_portal:case", case.pk)


class CloseCase(OfCase):
    """What came of it, in a choice and a sentence."""

    capability = Capability.MANAGE_TEAM

    def post(self, request: HttpRequest, case_id: int) -> HttpResponseBase:
        case = self.row(case_id)
        form = CloseCaseForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            problem = too_long(form) or _("Choose what came of it and write a sentence.")
            return self.page(case, form=form, problem=problem, status=400)
        given = form.cleaned_data
        try:
            services.close(
                case_id=case.pk,
                result=given["result"],
                words=given["words"],
                actor=self.actor,
                now=self.now,
            )
        except DomainError as error:
            return self.page(self.row(case_id), form=form, problem=str(error), status=409)
        messages.success(request, _("Closed. Who serves TA is told."))
        return redirect("guide_portal:cases")


class ReopenCase(OfCase):
    """It was not over, and why."""

    capability = Capability.MANAGE_TEAM

    def post(self, request: HttpRequest, case_id: int) -> HttpResponseBase:
        case = self.row(case_id)
        form = ReopenCaseForm(request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            problem = too_long(form) or _("Write in a sentence what it is about.")
            return self.page(case, form=form, problem=problem, status=400)
        try:
            services.reopen(
                case_id=case.pk, words=form.cleaned_data["words"], actor=self.actor, now=self.now
            )
        except DomainError as error:
            return self.page(self.row(case_id), form=form, problem=str(error), status=409)
        messages.success(request, _("Open again"))
        return redirect("guide_portal:case", case.pk)
