"""`/`: three doors and a tour in the demo; in production the way to head office."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import segno
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.capabilities import Role
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


def _first_at_work(role: str, store_id: int | None = None) -> Posting | None:
    """Who of this role works today, in this store if one is named: the tour follows them."""
    found = (
        Posting.objects.on(clock.business_day(clock.now()))
        .filter(guide__status=Guide.Status.ACTIVE, role=role)
        .select_related("guide")
        .order_by("store_id", "guide_id")
    )
    return (found.filter(store_id=store_id) if store_id else found).first()


def _join_address(posting: Posting) -> str:
    """An invitation as the guide's own page would show it."""
    return invite_address(
        make_invite(guide_id=posting.guide_id, store_id=posting.store_id, now=clock.now())
    )


def _open_as(guide: Guide, page: str) -> str:
    """A page of ours on this person's phone. By way of the sign-in: the browser may still be
    somebody else, who opened another link of the tour."""
    onward = urlencode({"next": reverse(f"guide_portal:{page}")})
    words = {
        "as": f"guide:{guide.wecom_userid}",
        "url": f"{settings.PUBLIC_BASE_URL}{reverse('guide_portal:sign_in')}?{onward}",
    }
    return f"{settings.SIMULATOR_URL}/open?{urlencode(words)}"


def _tour() -> dict[str, Any]:
    """Addresses on the phones of the tour's store; nothing while nobody works anywhere."""
    guide = _first_at_work(Posting.PostingRole.GUIDE)
    if guide is None:
        return {"join": "", "tour": {}}
    pages = {"today": guide.guide, "enrol": guide.guide}
    manager = _first_at_work(Posting.PostingRole.STORE_MANAGER, guide.store_id)
    if manager is not None:
        pages |= dict.fromkeys(("morning", "team", "duty", "approvals"), manager.guide)
    lead = Guide.objects.active().filter(user__role=Role.REGION_MANAGER).order_by("pk").first()
    if lead is not None:
        pages |= dict.fromkeys(("region", "region_pushes"), lead)
    tour = {page: _open_as(person, page) for page, person in pages.items()}
    return {"join": _join_address(guide), "tour": tour}


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
            "texts": f"{settings.SIMULATOR_URL}/phone/sms/",
            "stores": Store.objects.count(),
            "guides": Guide.objects.active()
            .posted_in(day=clock.today(), role=Posting.PostingRole.GUIDE)
            .count(),
            "members": Member.objects.count(),
            "orders": Order.objects.count(),
            **_tour(),
            **_logins(),
        },
    )
