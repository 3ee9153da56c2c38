"""Head office signs in with WeCom: a scan on the screen, back with a code, in as an active user."""

import secrets
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from apps.accounts.capabilities import HQ_ROLES
from apps.accounts.models import User
from apps.core.errors import DomainError
from apps.stores.models import Guide
from apps.wecom.client import client_for, corp_at_door, login_url
from apps.wecom.models import Corp
from apps.wecom.selectors import named_by_its_users

STATES_KEY = "hq_sign_ins"
MAX_STATES = 5  # several windows may wait for a scan
STATE_SECONDS = 600
PREFIX = "/admin/"


class NotOfHeadOffice(DomainError):
    code = "not_of_head_office"
    message = _(
        "This WeCom account belongs to nobody at head office. Ask an administrator to enter it "
        "with your user."
    )


class ScanLost(DomainError):
    code = "scan_lost"
    message = _("The scan was interrupted or took too long. Scan once more.")


def safe_next(raw: str) -> str:
    """A page of head office to go on to; anything else becomes the first one."""
    inside = url_has_allowed_host_and_scheme(raw, allowed_hosts=None) and raw.startswith(PREFIX)
    here = raw.startswith((reverse("hq:wecom_sign_in"), reverse("admin:login")))
    return raw if inside and not here else reverse("admin:index")


def begin(request: HttpRequest, *, onward: str, corp_id: str = "", now: datetime) -> str:
    """Remember where to go on to and whose WeCom was asked; its page with the code to scan.

    Raises CorpNotNamed where several corps are connected and none is named.
    """
    corp = corp_at_door(corp_id)
    state = secrets.token_hex(16)
    waiting = list(request.session.get(STATES_KEY, []))[-(MAX_STATES - 1) :]
    request.session[STATES_KEY] = [
        *waiting,
        [state, safe_next(onward), now.timestamp(), corp.corp_id],
    ]
    return login_url(settings.PUBLIC_BASE_URL + reverse("hq:wecom_sign_in_back"), state, corp)


def take_state(request: HttpRequest, *, state: str, now: datetime) -> tuple[str, str]:
    """Where this scan wanted to go, and the corp that was asked; each state works once, in this
    browser, for ten minutes."""
    waiting = [tuple(item) for item in request.session.get(STATES_KEY, [])]
    for known, onward, begun, corp_id in waiting:
        if state and secrets.compare_digest(known, state):
            request.session[STATES_KEY] = [item for item in waiting if item[0] != known]
            if now.timestamp() - begun > STATE_SECONDS:
                break
            return str(onward), str(corp_id)
    raise ScanLost()


def identify(*, code: str, corp_id: str) -> User:
    """The active user of head office behind a code of this corp; raises NotOfHeadOffice."""
    if not code:
        raise ScanLost()
    corp = corp_at_door(corp_id)
    userid = client_for(corp).oauth_user(code).userid
    user = _of_head_office(corp, userid) if userid else None
    if user is None and userid:  # who leads a region has a phone among the guides
        guides = Guide.objects.active().filter(corp_id=corp.corp_id, wecom_userid=userid)
        guide = guides.exclude(user=None).select_related("user").first()
        user = guide.user if guide else None
    if user is None or not user.is_active or user.role not in HQ_ROLES:
        raise NotOfHeadOffice()
    return user


def _of_head_office(corp: Corp, userid: str) -> User | None:
    """Who of head office has this account."""
    corps = named_by_its_users(corp.corp_id)
    return (
        User.objects.filter(wecom_userid=userid, wecom_corp_id__in=corps)
        .order_by("-wecom_corp_id")
        .first()
    )
