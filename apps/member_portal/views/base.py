"""What all customers' pages share. Public for Django's users: they know a session of their own."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views import View

from apps.core import clock
from apps.core.errors import DomainError
from apps.member_portal import session
from apps.member_portal.services.joining import has_typed_number
from apps.members.models import Member
from apps.stores.access import CapabilityRequired


def notice_page(
    request: HttpRequest, *, status: int, head: str, words: str, to: str = "", action: str = ""
) -> HttpResponse:
    """One sentence and one way on."""
    context = {"head": head, "words": words, "to": to, "action": action}
    return render(request, "member_portal/notice.html", context, status=status)


class OpenPage(CapabilityRequired, View):
    """A page anybody may open; refusals are told in their words."""

    is_public = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Http404:
            response = notice_page(request, status=404, head=_("This page is not there"), words="")
        except DomainError as error:
            response = self.refused(request, error)
        patch_cache_control(response, no_cache=True, no_store=True, private=True)
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """A phone that brings a closed tab back asks for the address of a form: no white page."""
        refused = super().http_method_not_allowed(request, *args, **kwargs)
        words = _("The page was out of date. Open it again and try once more.")
        page = notice_page(
            request,
            status=refused.status_code,
            head=_("This did not work"),
            words=words,
            to=reverse("member_portal:home"),
            action=_("To my page"),
        )
        page.headers["Allow"] = refused.headers["Allow"]
        return page

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        if request.method == "POST":
            messages.error(request, str(error))
            return redirect(request.path)
        return notice_page(request, status=409, head=_("This did not work"), words=str(error))

    @property
    def now(self) -> datetime:
        return clock.now()


class MemberPage(OpenPage):
    """A page of the member who is signed in. `needs_proof`: only after a code, or by WeCom's word
    where no number waits to be checked: what a till kept under it may be somebody else's."""

    needs_proof = False
    back = "member_portal:home"
    member: Member
    proof: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        member, self.proof = session.member_of(request, now=self.now)
        if member is None or not self._is_proven(request, member):
            onward = request.path if request.method == "GET" else reverse(self.back)
            query = urlencode({"next": onward})
            return redirect(f"{reverse('member_portal:sign_in')}?{query}")
        self.member = member
        return super().dispatch(request, *args, **kwargs)

    def _is_proven(self, request: HttpRequest, member: Member) -> bool:
        if not self.needs_proof or self.proof == "code":
            return True
        if self.proof and has_typed_number(member_id=member.pk):
            words = _("Your number was not checked yet. Sign in once with a code sent to it.")
            messages.error(request, words)
            return False
        return bool(self.proof)

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        if request.method == "POST":
            messages.error(request, str(error))
            return redirect(self.back)
        return super().refused(request, error)
