"""Silent sign-in of guides by WeCom: out with a one-time state, back with a code, in as a user."""

import secrets
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import DomainError
from apps.stores.models import Guide, Posting
from apps.stores.services import user_of_guide
from apps.wecom.client import authorize_url, client_for, corp_at_door

STATES_KEY = "guide_sign_ins"
MAX_STATES = 5  # several cards tapped at once each come back with their own state
PREFIX = "/g/"


class NotAGuide(DomainError):
    """Somebody came back from WeCom who is no active guide with a posting today."""

    code = "not_a_guide"
    message = _("These pages are for guides at work. Ask your store manager to check your posting.")


class StoreNotLive(DomainError):
    """A guide of a store that head office has not switched on."""

    code = "store_not_live"
    message = _("%(store)s does not work with these pages yet. Head office opens them soon.")


class SignInLost(DomainError):
    """The answer does not belong to a question of this browser."""

    code = "sign_in_lost"
    message = _("The sign-in was interrupted. Open the page again.")


def safe_next(raw: str) -> str:
    """A guide page to go on to; anything else becomes 今日."""
    inside = url_has_allowed_host_and_scheme(raw, allowed_hosts=None) and raw.startswith(PREFIX)
    return raw if inside and not raw.startswith(PREFIX + "sign-") else reverse("guide_portal:today")


def onward_for(user: User, *, onward: str) -> str:
    """Where somebody goes on to: who leads a region and works in no store has no list of today."""
    if user.role != Role.REGION_MANAGER:
        return onward
    board = reverse("guide_portal:region")
    theirs = (board, reverse("guide_portal:approvals"))
    return onward if onward.startswith(theirs) else board


def outside_wecom(request: HttpRequest) -> bool:
    """True for a browser that WeCom's sign-in would turn away: told at once, with a QR code.

    The demo's phones are ordinary browsers, and its settings say so.
    """
    inside = "wxwork" in request.headers.get("User-Agent", "").lower()
    return not (inside or settings.WECOM_OAUTH_IN_ANY_BROWSER)


def begin(request: HttpRequest, *, onward: str, corp_id: str = "") -> str:
    """Remember where to go on to and whose WeCom was asked; the address that asks it who this is.

    Raises CorpNotNamed where several corps are connected and the address named none.
    """
    corp = corp_at_door(corp_id)
    state = secrets.token_urlsafe(16).replace("-", "x").replace("_", "y")
    waiting = list(request.session.get(STATES_KEY, []))[-(MAX_STATES - 1) :]
    request.session[STATES_KEY] = [*waiting, [state, safe_next(onward), corp.corp_id]]
    back = settings.PUBLIC_BASE_URL + reverse("guide_portal:sign_in_back")
    return authorize_url(back, state, corp)


def take_state(request: HttpRequest, *, state: str) -> tuple[str, str]:
    """Where this answer's question wanted to go, and the corp it was put to; a state works once."""
    waiting = [tuple(item) for item in request.session.get(STATES_KEY, [])]
    for known, onward, corp_id in waiting:
        if state and secrets.compare_digest(known, state):
            request.session[STATES_KEY] = [item for item in waiting if item[0] != known]
            return onward, corp_id
    raise SignInLost


def identify(*, code: str, corp_id: str, now: datetime) -> User:
    """The user of the guide behind a code of this corp; made at the first sign-in."""
    corp = corp_at_door(corp_id)
    who = client_for(corp).oauth_user(code)
    if not who.userid:
        raise NotAGuide
    return guide_user(corp_id=corp.corp_id, wecom_userid=who.userid, now=now)


def guide_user(*, corp_id: str, wecom_userid: str, now: datetime) -> User:
    """The account of an active guide who is posted somewhere today, or of a regional manager;
    raises NotAGuide for others."""
    guide = (
        Guide.objects.active()
        .select_related("user")
        .filter(corp_id=corp_id, wecom_userid=wecom_userid)
        .first()
    )
    if guide is None:
        raise NotAGuide
    if guide.user is not None and guide.user.role == Role.REGION_MANAGER:
        if not guide.user.is_active:
            raise NotAGuide
        return guide.user
    posted = Posting.objects.on(clock.business_day(now)).filter(guide=guide)
    posting = posted.select_related("store").first()
    if posting is None:
        raise NotAGuide
    if posting.store.live_since is None:
        raise StoreNotLive(store=posting.store.name)
    user = user_of_guide(guide=guide)
    if not user.is_active:
        raise NotAGuide
    return user
