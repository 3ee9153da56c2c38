"""In by WeCom, out by a button."""

import segno
from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_portal import sign_in
from apps.guide_portal.views.base import GuidePage, sign_in_address
from apps.stores.access import CapabilityRequired
from apps.wecom.errors import WeComError


def _outside(
    request: HttpRequest,
    *,
    reason: str,
    onward: str,
    qr: bool = False,
    status: int = 403,
    wipe: str = "",
) -> HttpResponse:
    """The page for somebody who is not a signed-in guide: why, a way on, no password form.

    `wipe` orders the phone to forget what it kept.
    """
    drawing = ""
    if qr:
        code = segno.make(settings.PUBLIC_BASE_URL + onward, error="m")
        drawing = code.svg_data_uri(scale=4, border=0)
    context = {"reason": reason, "retry": sign_in_address(onward), "qr": drawing, "wipe": wipe}
    return render(request, "guide_portal/outside.html", context, status=status)


def _not_live(request: HttpRequest, reason: str, onward: str) -> HttpResponse:
    """Outside the rollout nothing happens, and the page says so. A store switched off again keeps
    nothing on its phones."""
    context = {"reason": reason, "retry": sign_in_address(onward), "wipe": "all"}
    return render(request, "guide_portal/not_live.html", context, status=403)


class SignIn(CapabilityRequired, View):
    """Off to WeCom and back, without a question."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        onward = sign_in.safe_next(request.GET.get("next", ""))
        if sign_in.outside_wecom(request):
            reason = _("You are in an ordinary browser. In WeCom you are signed in by yourself.")
            return _outside(request, reason=reason, onward=onward, qr=True)
        try:
            return redirect(sign_in.begin(request, onward=onward))
        except DomainError as error:
            return _outside(request, reason=str(error), onward=onward)


class SignInBack(CapabilityRequired, View):
    """WeCom sent the browser back with a code."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        onward = reverse("guide_portal:today")
        try:
            onward = sign_in.take_state(request, state=request.GET.get("state", ""))
            user = sign_in.identify(code=request.GET.get("code", ""), now=clock.now())
        except WeComError:
            reason = _("WeCom did not say who you are. Try again in a moment.")
            return _outside(request, reason=reason, onward=onward)
        except sign_in.StoreNotLive as error:
            return _not_live(request, str(error), onward)
        except sign_in.NotAGuide as error:
            # whoever left keeps nothing on the phone
            return _outside(request, reason=str(error), onward=onward, wipe="all")
        except DomainError as error:
            return _outside(request, reason=str(error), onward=onward)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect(sign_in.onward_for(user, onward=onward))


class SignOut(GuidePage):
    def post(self, request: HttpRequest) -> HttpResponseBase:
        logout(request)
        reason = _("You are signed out on this phone.")
        today = reverse("guide_portal:today")
        return _outside(request, reason=reason, onward=today, status=200, wipe="all")
