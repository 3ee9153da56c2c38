"""企业微信扫码登录: off to the code on WeCom's page, and back."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.accounts import services as accounts
from apps.accounts.actor import NOBODY
from apps.core import clock
from apps.core.errors import DomainError
from apps.hq import sign_in
from apps.stores.selectors import actor_for
from apps.wecom.errors import CodeNotOurs, CorpNotConfigured, WeComError


def _public(view: Any) -> Any:
    page = require_GET(view)
    page.is_public = True  # who may enter is what these pages find out
    return page


def _back_to_sign_in(request: HttpRequest, error: DomainError, onward: str = "") -> HttpResponse:
    reason = str(error.message) if isinstance(error, CodeNotOurs) else str(error)
    if isinstance(error, WeComError) and not isinstance(error, CorpNotConfigured | CodeNotOurs):
        reason = _("WeCom did not say who scanned. Scan once more, or sign in with your password.")
    messages.error(request, reason)
    query = f"?{urlencode({'next': onward})}" if onward else ""
    return redirect(reverse("admin:login") + query)


@_public
def wecom_sign_in(request: HttpRequest) -> HttpResponse:
    onward = request.GET.get("next", "")
    try:
        corp_id = request.GET.get("corp", "")
        there = sign_in.begin(request, onward=onward, corp_id=corp_id, now=clock.now())
    except DomainError as error:
        return _back_to_sign_in(request, error, onward)
    return redirect(there)


@_public
def wecom_sign_in_back(request: HttpRequest) -> HttpResponse:
    """WeCom sent the browser back: in, or back to the sign-in page with the reason."""
    onward = ""
    now = clock.now()
    try:
        state = request.GET.get("state", "")
        onward, corp_id = sign_in.take_state(request, state=state, now=now)
        user = sign_in.identify(code=request.GET.get("code", ""), corp_id=corp_id)
    except DomainError as error:
        accounts.audit(
            actor=NOBODY,
            action="account.wecom_sign_in_refused",
            object_type="user",
            detail={"reason": error.code},
        )
        return _back_to_sign_in(request, error, onward)
    login(request, user, backend="apps.accounts.backends.Accounts")
    accounts.audit(
        actor=actor_for(user=user, now=now),
        action="account.wecom_sign_in",
        object_type="user",
        object_id=user.pk,
    )
    return redirect(onward)
