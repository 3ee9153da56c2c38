"""In again: by a code to the phone or by WeCom; out by a button."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from apps.core.callers import address_of
from apps.core.errors import DomainError
from apps.member_portal import selectors, session
from apps.member_portal.forms import PhoneForm
from apps.member_portal.services import joining
from apps.member_portal.views.base import OpenPage
from apps.member_portal.views.joining import ONWARD, WAITING
from apps.outreach import sms


class SignIn(OpenPage):
    """A number, known or not: the answer is the same."""

    def get(self, request: HttpRequest) -> HttpResponse:
        request.session[ONWARD] = session.safe_next(request.GET.get("next", ""))
        return self._page(status=200)

    def _page(self, *, status: int, refusal: str = "", phone: str = "") -> HttpResponse:
        context = {
            "chain": selectors.chain_name(),
            "refusal": refusal,
            "phone": phone,
            "codes": sms.is_connected(),
        }
        return render(self.request, "member_portal/sign_in.html", context, status=status)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = PhoneForm(request.POST)
        typed = request.POST.get("phone", "")
        if not form.is_valid():
            words = str(form.errors["phone"][0])
            return self._page(status=400, refusal=words, phone=typed)
        try:
            row = joining.ask_to_sign_in(
                phone=form.cleaned_data["phone"],
                address=address_of(request),
                now=self.now,
            )
        except DomainError as error:
            return self._page(status=409, refusal=str(error), phone=typed)
        request.session[WAITING] = str(row.pk)
        return redirect("member_portal:code")


class WeComAsk(OpenPage):
    """Let WeCom say who this is."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        onward = session.safe_next(request.session.get(ONWARD, ""))
        address = session.question(request, onward=onward)
        return redirect(address) if address else redirect("member_portal:sign_in")


class WeComBack(OpenPage):
    """WeCom sent the browser back with a code."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        onward = session.take_answer(request)
        who = session.seen(request)
        member = joining.member_seen(who) if who else None
        if member is not None:
            session.sign_in(request, member_id=member.pk, proof="wecom", now=self.now)
        return redirect(onward)


class SignOut(OpenPage):
    def post(self, request: HttpRequest) -> HttpResponseBase:
        session.sign_out(request)
        return redirect("member_portal:sign_in")
