"""`/`: three doors and a five-minute tour in the demo; in production the way to head office."""

from dataclasses import dataclass

import segno
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.members.invites import invite_address, make_invite
from apps.members.models import Member
from apps.orders.models import Order
from apps.stores.access import public
from apps.stores.models import Guide, Posting, Store


@dataclass(frozen=True, slots=True)
class Door:
    title: Promise
    text: Promise
    url: str
    qr: str
    button: Promise


def qr_code(text: str) -> str:
    """The address as a picture in a `data:` address; nobody else's server draws it."""
    return segno.make(text, error="m").svg_data_uri(scale=4, border=1, dark="#161d19")


def _doors() -> list[Door]:
    base, sim = settings.PUBLIC_BASE_URL, settings.SIMULATOR_URL
    found = [
        (
            _("Head office"),
            _("Segments, pushes, results, members. Sign in with the operator's demo login below."),
            f"{base}/admin/",
            _("Open head office"),
        ),
        (
            _("A guide's phone"),
            _("WeCom as a guide sees it: the notice arrives here and opens 今日, no password."),
            f"{sim}/",
            _("Pick a guide"),
        ),
        (
            _("A customer's phone"),
            _("WeChat as a customer sees it: the message arrives, its link can be tapped."),
            f"{sim}/",
            _("Pick a customer"),
        ),
    ]
    return [
        Door(title=title, text=text, url=url, qr=qr_code(url), button=button)
        for title, text, url, button in found
    ]


def _join_address() -> str:
    """An invitation of the first guide at work, as the guide's own page would show it; "" without
    anybody."""
    now = clock.now()
    posting = (
        Posting.objects.on(clock.business_day(now))
        .filter(guide__status=Guide.Status.ACTIVE, role=Posting.PostingRole.GUIDE)
        .order_by("store_id", "guide_id")
        .first()
    )
    if posting is None:
        return ""
    return invite_address(
        make_invite(guide_id=posting.guide_id, store_id=posting.store_id, now=now)
    )


def _logins() -> dict[str, str]:
    """Names and password of the demo, as its own file for scripts says; empty while it loads."""
    path = settings.DATA_DIR / "demo.env"
    lines = path.read_text().splitlines() if path.exists() else []
    values = dict(line.removeprefix("export ").partition("=")[::2] for line in lines)
    return {
        "hq_user": values.get("HQ_USER", "").strip("'\""),
        "operator_user": values.get("OPERATOR_USER", "").strip("'\""),
        "password": values.get("HQ_PASSWORD", "").strip("'\""),
    }


@public
def start(request: HttpRequest) -> HttpResponse:
    """The demo's start page; elsewhere the admin."""
    if not settings.DEMO:
        return redirect("admin:index")
    return render(
        request,
        "hq/start.html",
        {
            "doors": _doors(),
            "join": _join_address(),
            "texts": f"{settings.SIMULATOR_URL}/phone/sms/",
            "stores": Store.objects.count(),
            "guides": Guide.objects.active()
            .posted_in(day=clock.today(), role=Posting.PostingRole.GUIDE)
            .count(),
            "members": Member.objects.count(),
            "orders": Order.objects.count(),
            **_logins(),
        },
    )
