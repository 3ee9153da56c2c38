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
from apps.wecom.errors import CodeNotOurs, CorpNotNamed, WeComError
from apps.wecom.selectors import active_corps


def _outside(
    request: HttpRequest,
    *,
    reason: str,
    onward: str,
    qr: bool = False,
    status: int = 403,
    wipe: str = "",
    corp_id: str = "",
    head: str = "",
) -> HttpResponse:
    """The page for somebody who is not a signed-in guide: why, a way on, no password form.

    `wipe` orders the phone to forget what it kept.
    """
    drawing = ""
    if qr:
        # by way of the sign-in where the corp is known: a page alone could not say it
        page = sign_in_address(onward, corp_id) if corp_id else onward
        code = segno.make(settings.PUBLIC_BASE_URL + page, error="m")
        drawing = code.svg_data_uri(scale=4, border=0)
    retry = sign_in_address(onward, corp_id)
    context = {"head": head, "reason": reason, "retry": retry, "qr": drawing, "wipe": wipe}
    return render(request, "guide_portal/outside.html", context, status=status)


def _which_corp(request: HttpRequest, onward: str) -> HttpResponse:
    """Several corps are connected and the address named none: a guide knows her own."""
    doors = [(corp.name, sign_in_address(onward, corp.corp_id)) for corp in active_corps()]
    return render(request, "guide_portal/which_corp.html", {"doors": doors})


def _not_live(request: HttpRequest, reason: str, onward: str, corp_id: str) -> HttpResponse:
    """Outside the rollout nothing happens, and the page says so. A store switched off again keeps
    nothing on its phones."""
    retry = sign_in_address(onward, corp_id)
    context = {"reason": reason, "retry": retry, "wipe": "all"}
    return render(request, "guide_portal/not_live.html", context, status=403)


class SignIn(CapabilityRequired, View):
    """Off to WeCom and back, without a question."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        onward = sign_in.safe_next(request.GET.get("next", ""))
        corp_id = request.GET.get("corp", "")
        if sign_in.outside_wecom(request):
            reason = _("You are in an ordinary browser. In WeCom you are signed in by yourself.")
            return _outside(request, reason=reason, onward=onward, qr=True, corp_id=corp_id)
        try:
            return redirect(sign_in.begin(request, onward=onward, corp_id=corp_id))
        except CorpNotNamed:
            return _which_corp(request, onward)
        except DomainError as error:
            return _outside(request, reason=str(error), onward=onward)


class SignInBack(CapabilityRequired, View):
    """WeCom sent the browser back with a code."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        onward, corp_id = reverse("guide_portal:today"), ""
        code, state = request.GET.get("code", ""), request.GET.get("state", "")
        try:
            onward, corp_id = sign_in.take_state(request, state=state)
            user = sign_in.identify(code=code, corp_id=corp_id, now=clock.now())
        except sign_in.StoreNotLive as error:
            return _not_live(request, str(error), onward, corp_id)
        except DomainError as error:
            wipe = head = ""
            if isinstance(error, sign_in.NotAGuide):
                # whoever left keeps nothing on the phone, and is in WeCom already
                wipe, head = "all", _("You cannot sign in")
            reason = _reason(error)
            return _outside(
                request, reason=reason, onward=onward, wipe=wipe, corp_id=corp_id, head=head
            )
        login(request, user, backend="apps.accounts.backends.Accounts")
        return redirect(sign_in.onward_for(user, onward=onward))


def _reason(error: DomainError) -> str:
    """What the phone says; WeCom's own numbers are for head office."""
    if isinstance(error, CodeNotOurs):
        return str(error.message)
    if isinstance(error, WeComError):
        return _("WeCom did not say who you are. Try again in a moment.")
    return str(error)


class SignOut(GuidePage):
    def post(self, request: HttpRequest) -> HttpResponseBase:
        corp_id = self.actor.corp_id
        logout(request)
        reason = _("You are signed out on this phone.")
        today = reverse("guide_portal:today")
        return _outside(
            request, reason=reason, onward=today, status=200, wipe="all", corp_id=corp_id
        )
