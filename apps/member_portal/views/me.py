"""我的: guide, consents, stop, data."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.guide_tasks import services as guide_tasks
from apps.loyalty.selectors import points_in_use
from apps.member_portal import selectors
from apps.member_portal.copying import copy_of
from apps.member_portal.forms import ActForm, PurposeForm
from apps.member_portal.services import choices, contact_codes, requests
from apps.member_portal.texts import current_texts
from apps.member_portal.views.base import MemberPage
from apps.members.models import Consent
from apps.members.selectors import serving_of, survivor_group


class Home(MemberPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": selectors.home_page(member=self.member),
            "proof": self.proof,
            # where nobody has any, there is no way to them
            "has_points": points_in_use(),
        }
        return render(request, "member_portal/home.html", context)


class Coupons(MemberPage):
    """我的券. Opening them is 已互动: TA has seen what was given."""

    needs_proof = True

    def get(self, request: HttpRequest) -> HttpResponse:
        ids = survivor_group(self.member.pk)
        guide_tasks.coupons_opened(member_ids=ids, now=self.now)
        page = selectors.coupons_page(member_ids=ids, now=self.now)
        return render(request, "member_portal/coupons.html", {"page": page})


class Points(MemberPage):
    """我的积分: how many, what ends soon, how they came and went."""

    needs_proof = True

    def get(self, request: HttpRequest) -> HttpResponse:
        ids = survivor_group(self.member.pk)
        page = selectors.points_page(member_ids=ids, now=self.now, page=request.GET.get("page", ""))
        return render(request, "member_portal/points.html", {"page": page})


class AddGuide(MemberPage):
    """A way to the guide of today is wanted: also after the guide changed."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        period = serving_of([self.member.pk]).get(self.member.pk)
        if period is not None:
            contact_codes.want_code(
                member_id=self.member.pk, guide_id=period.guide_id, now=self.now
            )
        return redirect("member_portal:welcome")


class Choices(MemberPage):
    """我的授权: what stands, and each one off in one step."""

    back = "member_portal:choices"

    def get(self, request: HttpRequest) -> HttpResponse:
        stop = selectors.home_page(member=self.member).stopped_since
        context = {
            "choices": selectors.choices_of(member_id=self.member.pk, now=self.now),
            "stopped_since": stop,
        }
        return render(request, "member_portal/choices.html", context)

    def _purpose(self) -> str:
        form = PurposeForm(self.request.POST)
        if not form.is_valid() or form.cleaned_data["purpose"] not in Consent.Purpose.values:
            raise Http404
        return str(form.cleaned_data["purpose"])


class Withdraw(Choices):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        choices.withdraw(member_id=self.member.pk, purpose=self._purpose(), now=self.now)
        messages.success(request, _("Switched off. It counts from now on."))
        return redirect("member_portal:choices")


class Give(Choices):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        purpose = self._purpose()
        text = next((t for t in current_texts(now=self.now) if t.purpose == purpose), None)
        if text is None or request.POST.get("version") != text.version:
            messages.error(request, _("The page was renewed. Please read it again."))
            return redirect("member_portal:choices")
        choices.give(member_id=self.member.pk, purpose=purpose, version=text.version, now=self.now)
        messages.success(request, _("Switched on."))
        return redirect("member_portal:choices")


class Stop(MemberPage):
    """停止营销: one step, no question back."""

    back = "member_portal:choices"

    def post(self, request: HttpRequest) -> HttpResponseBase:
        choices.stop_marketing(member_id=self.member.pk, now=self.now)
        messages.success(request, _("Nobody will contact you from now on."))
        return redirect("member_portal:choices")


class AllowAgain(MemberPage):
    back = "member_portal:choices"

    def post(self, request: HttpRequest) -> HttpResponseBase:
        choices.allow_again(member_id=self.member.pk, now=self.now)
        messages.success(request, _("Your guide may contact you again, as far as you agreed."))
        return redirect("member_portal:choices")


class Data(MemberPage):
    """我的数据: what we hold, a copy, a request to delete."""

    needs_proof = True

    def get(self, request: HttpRequest) -> HttpResponse:
        context: dict[str, Any] = {
            "page": selectors.home_page(member=self.member),
            "erasure": selectors.open_erasure(member_id=self.member.pk),
            "answer": selectors.last_answer(member_id=self.member.pk),
        }
        return render(request, "member_portal/data.html", context)


class _DataAct(MemberPage):
    needs_proof = True
    back = "member_portal:data"

    def act_form(self) -> ActForm:
        form = ActForm(self.request.POST)
        if not form.is_valid():
            raise Http404
        return form


class Copy(_DataAct):
    """The copy, to read here or as a file for machines. Posted: an address can be passed on."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form, now = self.act_form(), self.now
        requests.note_copy(
            member_id=self.member.pk, client_id=form.cleaned_data["client_id"], now=now
        )
        copy = copy_of(member=self.member)
        if request.POST.get("as") == "html":
            context = {"copy": copy, "now": now}
            return render(request, "member_portal/copy.html", context)
        response = JsonResponse(
            copy, json_dumps_params={"ensure_ascii": False, "indent": 1}, safe=True
        )
        response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
        return response


class Erase(_DataAct):
    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = self.act_form()
        row = requests.ask_for_erasure(
            member_id=self.member.pk, client_id=form.cleaned_data["client_id"], now=self.now
        )
        choices.stop_marketing(member_id=self.member.pk, now=self.now)
        words = _("We have your request. You get the answer by %(day)s at the latest.")
        messages.success(request, words % {"day": f"{row.due_on:%Y-%m-%d}"})
        return redirect("member_portal:data")


class KeepData(_DataAct):
    """The member takes the request back."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        self.act_form()
        requests.take_back(member_id=self.member.pk, now=self.now)
        messages.success(request, _("Taken back. Your account stays."))
        return redirect("member_portal:data")
