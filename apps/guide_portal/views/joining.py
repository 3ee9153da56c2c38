"""邀请入会: one customer who is no member yet, invited in one tap; and why TA did not join."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.guide_portal import enrol
from apps.guide_portal.forms import RefusalForm
from apps.guide_portal.joining import invite_page, wants_no_contact
from apps.guide_portal.views.care import CarePage
from apps.guide_portal.views.sidebar import sidebar_person
from apps.guide_portal.wecom import sdk_context
from apps.members import services as members
from apps.members.models import Member


class Invite(CarePage):
    """A code to scan and words for the chat; leads to the card as soon as TA has joined, or wants
    no contact."""

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        is_over = member.joined_at is not None or wants_no_contact(member)
        if self.request.htmx:  # the page asks whether TA has joined
            card = reverse("guide_portal:customer", args=[public_id])
            return HttpResponse(status=204, headers={"HX-Redirect": card} if is_over else {})
        if is_over:
            return self.back(member)
        page = invite_page(member=member, actor=self.actor, now=self.now)
        return self.render("guide_portal/invite.html", {"page": page, **sdk_context(self.actor)})


class NotJoined(CarePage):
    """未入会原因, from the card or from beside the chat; words beside it are a note."""

    place = "#join"

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = self.member(public_id)
        form = RefusalForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form, _("Tap a reason; a word beside it has at most 200 signs"))
        if wants_no_contact(member):
            return self._not_asked(member)
        members.note_refusal(
            member_id=member.pk,
            guide_id=self.guide_id,
            store_id=enrol.store_id_today(guide_id=self.guide_id, now=self.now),
            reason=form.cleaned_data["reason"],
            words=form.cleaned_data["words"],
            client_id=form.cleaned_data["client_id"],
            now=self.now,
            actor=self.actor,
        )
        words = _("Noted; the next guide reads it too")
        if self.request.htmx:
            return sidebar_person(self, member, noted=words)
        messages.success(request, words)
        return self.back(member)

    def _not_asked(self, member: Member) -> HttpResponseBase:
        """TA said so after this page was opened."""
        if self.request.htmx:
            return sidebar_person(self, member)
        words = _("TA wants no messages. Answer what TA asks, send nothing")
        messages.error(self.request, words)
        return self.back(member)
