"""The door behind the links in messages: open to anybody; WeCom says who it is, or nobody does."""

import hashlib
import hmac
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.core import clock
from apps.core.pictures import picture_response
from apps.outreach import selectors, services
from apps.outreach.models import Attachment, TrackedLink
from apps.stores.access import public
from apps.wecom.client import authorize_url, client_for
from apps.wecom.errors import WeComError
from apps.wecom.models import Corp

STATE_SECONDS = 900
COVER_SECONDS = 7 * 86_400
# WeCom's browser and WeChat's; elsewhere the sign-in page would only say "open this in WeChat"
_IN_WECHAT = "MicroMessenger"


def _seal(code: str, until: str) -> str:
    text = f"outreach.link|{code}|{until}"
    return hmac.digest(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hex()[:40]


def make_state(code: str) -> str:
    """A signed state for this link alone, of letters and digits as WeCom demands."""
    until = f"{int(clock.now().timestamp()) + STATE_SECONDS:x}"
    return f"{until}g{_seal(code, until)}"


def state_holds(code: str, state: str) -> bool:
    """Is this a state we gave out for this link a short while ago?"""
    until, _, seal = state.partition("g")
    try:
        fresh = int(until, 16) >= clock.now().timestamp()
    except ValueError:
        return False
    return fresh and hmac.compare_digest(seal.encode(), _seal(code, until).encode())


def _asks_who(request: HttpRequest) -> bool:
    if "code" in request.GET or "state" in request.GET:
        return False
    anywhere = settings.WECOM_OAUTH_IN_ANY_BROWSER
    return anywhere or _IN_WECHAT in request.headers.get("User-Agent", "")


def _corp_of(link: TrackedLink) -> Corp | None:
    whose = link.dispatch or link.guide or link
    return Corp.objects.filter(corp_id=whose.corp_id, is_active=True).first()


def _who(request: HttpRequest, link: TrackedLink, corp: Corp) -> str | None:
    oauth_code, state = request.GET.get("code", ""), request.GET.get("state", "")
    if not oauth_code or not state_holds(link.code, state):
        return None
    try:
        return client_for(corp).oauth_user(oauth_code).external_userid
    except WeComError:  # the page matters more than knowing who reads it
        return None


@public
@require_GET
@never_cache
def link(request: HttpRequest, code: str) -> HttpResponse:
    """Ask WeCom who taps, note the tap, and lead on to the page."""
    found = TrackedLink.objects.select_related("dispatch", "guide").filter(code=code).first()
    if found is None:
        raise Http404
    corp = _corp_of(found)
    if corp is not None and _asks_who(request):
        back = f"{settings.PUBLIC_BASE_URL}{reverse('outreach:link', args=[code])}"
        return HttpResponseRedirect(authorize_url(back, make_state(code), corp))
    who = _who(request, found, corp) if corp is not None else None
    return HttpResponseRedirect(
        services.record_click(code=code, external_userid=who, now=clock.now())
    )


@public
@require_GET
def cover(request: HttpRequest, name: UUID, extension: str) -> HttpResponse:
    """The cover of a mini program; what a name stands for never changes."""
    try:
        file = selectors.cover_file(name=name, extension=extension)
    except Attachment.DoesNotExist:
        raise Http404 from None
    answer = picture_response(file)
    answer["Cache-Control"] = f"public, max-age={COVER_SECONDS}, immutable"
    return answer


@public
@require_GET
def content(request: HttpRequest, code: str) -> HttpResponse:
    """The page behind the link. It knows the sender, not the reader."""
    try:
        page = selectors.landing_page(code=code, now=clock.now())
    except TrackedLink.DoesNotExist:
        raise Http404 from None
    return render(request, "outreach/content.html", {"page": page})
