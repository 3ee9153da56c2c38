"""发消息 outside of every task: from a list of the tab to a confirmed message in two taps."""

import uuid
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from apps.core.errors import DomainError
from apps.guide_portal import customers, lists
from apps.guide_portal.cards import SENDABLE
from apps.guide_portal.dossier import read_dossier
from apps.guide_portal.forms import ActForm, MessageForm, too_long
from apps.guide_portal.views.base import GuidePage
from apps.guide_portal.wecom import sdk_context
from apps.guide_portal.words import message_page
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.selectors import open_targets_of_member


class Message(GuidePage):
    """The text, ready to change. Somebody with an open task is written to for that task."""

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        code = request.GET.get("for", "")
        script = request.GET.get("script", "")
        return self.page(
            public_id,
            code=code if code in lists.CODES else "",
            script_id=int(script) if script.isdecimal() and len(script) < 10 else None,
        )

    def page(
        self,
        public_id: uuid.UUID,
        *,
        code: str = "",
        script_id: int | None = None,
        text: str = "",
        status: int = 200,
    ) -> HttpResponseBase:
        now = self.now
        members = customers.served(self.actor).filter(public_id=public_id)
        member_id = members.values_list("pk", flat=True).first()
        if member_id is None:
            raise Http404
        file = read_dossier(member_id=member_id, guide_id=self.guide_id, now=now)
        targets = open_targets_of_member(guide_id=self.guide_id, member_ids=file.group, now=now)
        sendable = next((one for one in targets if one.state in SENDABLE), None)
        if sendable is not None and not text:
            return redirect("guide_portal:target", sendable.pk)
        if file.is_stopped or targets or file.is_waiting or not file.friend_of(self.guide_id):
            return redirect("guide_portal:customer", public_id)
        page = message_page(
            file=file,
            actor=self.actor,
            code=code,
            script_id=script_id,
            why=lists.label_of(code) if code else "",
            now=now,
        )
        context = {"page": page, "text": text or page.text, **sdk_context(self.actor)}
        return self.render("guide_portal/message.html", context, status=status)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = customers.get_customer(actor=self.actor, public_id=public_id)
        form = MessageForm(request.POST)
        if not form.is_valid():
            if words := too_long(form):
                messages.error(request, words)
                return self.page(public_id, text=request.POST["text"], status=400)
            messages.error(request, _("Write something first."))
            return redirect("guide_portal:message", public_id)
        dispatch = guide_tasks.send_personal(
            member=member,
            text=form.cleaned_data["text"],
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        messages.success(request, _sent_words(dispatch.not_before, self.now))
        return redirect("guide_portal:customer", public_id)

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """The reason, above what the guide typed: nobody writes a message twice."""
        text = request.POST.get("text", "").strip()
        if not text:
            return super().refused(request, error)
        messages.error(request, str(error))
        again = self.page(self.kwargs["public_id"], text=text, status=409)
        assert isinstance(again, HttpResponse)
        return again


def _sent_words(not_before: datetime, now: datetime) -> str:
    if not_before > now:
        return _("Goes out when customers may be written to again; confirm it in WeCom then.")
    return _("Please confirm the sending in WeCom.")


class PersonalChat(GuidePage):
    """去聊天 without a task: the chat is open, no more is known."""

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = customers.get_customer(actor=self.actor, public_id=public_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        guide_tasks.note_personal_chat(
            member=member,
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        return redirect("guide_portal:customer", public_id)
