"""Who holds this phone: a session of its own cookie, never one of Django's users.

`proof` says how the person was recognised: by a code to the phone, by WeCom, or not at all: who
only typed a number that nobody had sees the welcome and their consents, and nothing that a till
writes later.
"""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError
from apps.member_portal.services.joining import Seen
from apps.members.models import Member
from apps.wecom.client import authorize_url, client_for, corp_at_door, default_corp
from apps.wecom.errors import CorpNotConnected, CorpNotNamed, WeComError
from apps.wecom.models import Corp

KEY = "member"
STATES = "member_questions"
CORP = "member_corp"
SEEN = "member_seen"
ASKED = "member_asked"
BROWSER = "member_browser"
MAX_STATES = 5
PROVEN = timedelta(hours=12)
UNPROVEN = timedelta(minutes=30)
_IN_WECHAT = "MicroMessenger"


class AnswerLost(DomainError):
    """The answer does not belong to a question of this browser."""

    code = "answer_lost"
    message = _("The page was interrupted. Open it again.")


def sign_in(request: HttpRequest, *, member_id: int, proof: str, now: datetime) -> None:
    """This browser is that member's from now on."""
    request.session.cycle_key()
    request.session[KEY] = {"id": member_id, "proof": proof, "since": now.timestamp()}
    request.session.set_expiry(PROVEN if proof else UNPROVEN)


def browser_of(request: HttpRequest) -> str:
    """What tells this browser from others at the same address; names nobody."""
    return str(request.session.setdefault(BROWSER, secrets.token_urlsafe(12)))


def sign_out(request: HttpRequest) -> None:
    request.session.flush()


def member_of(request: HttpRequest, *, now: datetime) -> tuple[Member | None, str]:
    """The survivor who is signed in and how it was proven; (None, "") otherwise."""
    kept = request.session.get(KEY)
    if not kept:
        return None, ""
    life = PROVEN if kept["proof"] else UNPROVEN
    if now.timestamp() - kept["since"] > life.total_seconds():
        return None, ""
    known = Member.objects.filter(pk=kept["id"]).values("survivor_id")[:1]
    member = Member.objects.survivors().filter(pk__in=known).first()
    return (member, kept["proof"]) if member else (None, "")


# --- the member's own scan: WeCom says who it is -------------------------------------------------


def asks_who(request: HttpRequest) -> bool:
    """Ask WeCom once per browser, where WeChat can answer; the demo's phones are any browser."""
    if request.session.get(ASKED):
        return False
    in_wechat = _IN_WECHAT in request.headers.get("User-Agent", "")
    return in_wechat or settings.WECOM_OAUTH_IN_ANY_BROWSER


def safe_next(raw: str) -> str:
    inside = url_has_allowed_host_and_scheme(raw, allowed_hosts=None) and raw.startswith("/m/")
    return raw if inside else reverse("member_portal:home")


def question(request: HttpRequest, *, onward: str, corp_id: str = "") -> str | None:
    """The address that asks WeCom who this is; None without a connected corp.

    A customer is somebody in the corp of the guide who invited them; without an invitation in the
    one this browser was asked for last, else in the first.
    """
    state = secrets.token_hex(16)
    back = f"{settings.PUBLIC_BASE_URL}{reverse('member_portal:wecom_back')}"
    try:
        corp = _corp_of(corp_id or request.session.get(CORP, ""))
        address = authorize_url(back, state, corp)
    except WeComError:
        return None
    request.session[CORP] = corp.corp_id
    waiting = list(request.session.get(STATES, []))[-(MAX_STATES - 1) :]
    request.session[STATES] = [*waiting, [state, safe_next(onward), corp.corp_id]]
    request.session[ASKED] = True
    return address


def take_answer(request: HttpRequest) -> str:
    """Keep whom WeCom named and say where to go on to; each state works once."""
    state, code = request.GET.get("state", ""), request.GET.get("code", "")
    waiting = [tuple(item) for item in request.session.get(STATES, [])]
    for known, onward, corp_id in waiting:
        if state and secrets.compare_digest(known.encode(), state.encode()):
            request.session[STATES] = [item for item in waiting if item[0] != known]
            _keep_seen(request, code, str(corp_id))
            return str(onward)
    raise AnswerLost


def _corp_of(corp_id: str) -> Corp:
    try:
        return corp_at_door(corp_id)
    except (CorpNotNamed, CorpNotConnected):  # a customer is not asked which of our corps it is
        return default_corp()


def _keep_seen(request: HttpRequest, code: str, corp_id: str) -> None:
    request.session.pop(SEEN, None)
    try:
        corp = corp_at_door(corp_id)
        who = client_for(corp).oauth_user(code).external_userid if code else None
    except (WeComError, CorpNotConnected):  # the page works without knowing
        return
    if who:
        request.session[SEEN] = [corp.corp_id, who]


def seen(request: HttpRequest) -> Seen | None:
    """The WeCom contact whom WeCom named for this browser."""
    kept = request.session.get(SEEN)
    return Seen(*kept) if kept else None
