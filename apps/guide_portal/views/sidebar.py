"""侧边栏: the card beside a chat in WeCom, opened on the contact of that chat."""

from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.guide_portal import sidebar
from apps.guide_portal.customers import get_customer
from apps.guide_portal.forms import ActForm, ContactForm, SignatureForm
from apps.guide_portal.views.base import GuidePage
from apps.guide_portal.views.targets import TargetPage
from apps.guide_portal.wecom import sdk_context
from apps.guide_tasks import services as guide_tasks
from apps.members.models import Member
from apps.wecom.client import client_for, corp_at_door

PERSON = "guide_portal/partials/_sidebar_person.html"
MESSAGES = "guide_portal/partials/_sidebar_messages.html"


class Sidebar(GuidePage):
    """The frame; the script asks WeCom for the contact and fills it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            **sdk_context(self.actor),
            "empty_head": _("Open a customer's chat"),
            "empty_words": _("The sidebar shows the customer of the chat it stands beside."),
            "empty_action": _("Find a customer"),
            "empty_to": reverse("guide_portal:customers"),
        }
        return self.render("guide_portal/sidebar.html", context)


class Contact(GuidePage):
    """The card of the chat's customer. Posted: an external id has no place in an address."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = ContactForm(request.POST)
        member = None
        if form.is_valid():
            member = sidebar.sidebar_member(
                actor=self.actor,
                corp_id=self.actor.corp_id,
                external_userid=form.cleaned_data["external_userid"],
            )
        if member is not None and not self.request.htmx:
            return redirect("guide_portal:customer", member.public_id)
        return sidebar_person(self, member)


class SidebarSent(TargetPage):
    """WeCom took the text into the chat: 已发起, never more."""

    def post(self, request: HttpRequest, target_id: int) -> HttpResponseBase:
        target = self.target(target_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        guide_tasks.note_sidebar_sent(
            target=target,
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        if not self.request.htmx:
            return redirect("guide_portal:target", target.pk)
        return sidebar_person(self, target.member, noted=_("Noted as initiated"))


def sidebar_person(page: GuidePage, member: Member | None, *, noted: str = "") -> HttpResponse:
    """The fragment that fills the sidebar."""
    if member is None:
        context = {
            "page": None,
            "empty_head": _("Not among your customers"),
            "empty_words": _("WeCom has not told us about TA yet, or a colleague serves TA."),
            "empty_action": _("Enrol a customer"),
            "empty_to": reverse("guide_portal:enrol"),
        }
        return page.render(PERSON, context)
    found = sidebar.sidebar_of(member=member, actor=page.actor, now=page.now)
    filled = {"page": found, "text": found.text, "noted": noted}
    return page.render(PERSON, filled)


class Messages(GuidePage):
    """What can be sent into the chat: links with the guide's own mark, one button each."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        member = get_customer(actor=self.actor, public_id=public_id)
        found = sidebar.chat_messages(member=member, actor=self.actor, now=self.now)
        return self.render(MESSAGES, {"rows": found})


class Scripts(GuidePage):
    """What can be said into the chat: the library's words, one button each."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        member = get_customer(actor=self.actor, public_id=public_id)
        found = sidebar.chat_scripts(member=member, actor=self.actor, now=self.now)
        return self.render(MESSAGES, {"rows": found})


class Signature(GuidePage):
    """Signs one of our own pages for the JS-SDK."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        form = SignatureForm(request.GET)
        if not form.is_valid() or not _is_ours(request, form.cleaned_data["url"]):
            return JsonResponse({"error": "url"}, status=400)
        client, url = client_for(corp_at_door(self.actor.corp_id)), request.GET["url"]
        if form.cleaned_data["refused"]:
            client.forget_tickets()
        signed = (
            client.config_signature(url)
            if form.cleaned_data["kind"] == "config"
            else client.agent_config_signature(url)
        )
        return JsonResponse({key: signed[key] for key in ("timestamp", "nonceStr", "signature")})


def _is_ours(request: HttpRequest, url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.netloc == request.get_host() and parts.path.startswith("/g/")
