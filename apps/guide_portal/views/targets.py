"""One customer of a task: the personal text, sending it, and every other way to deal with TA."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core.errors import DomainError
from apps.guide_portal.cards import person_of, target_cards, todo_card
from apps.guide_portal.coupons import coupon_words
from apps.guide_portal.forms import ActForm, NotSuitableForm, SendForm
from apps.guide_portal.reasons import STOP, offered_reasons
from apps.guide_portal.texts import contact_words, personal_text, refusal_words
from apps.guide_portal.views.base import GuidePage
from apps.guide_portal.wecom import sdk_context
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.selectors import next_up
from apps.orders.selectors import last_purchases
from apps.outreach.selectors import attachments_of


class TargetPage(GuidePage):
    """Base of everything about one target of this very guide; a colleague's is 404."""

    def target(self, target_id: int) -> TaskTarget:
        return get_object_or_404(
            TaskTarget.objects.visible_to(self.actor)
            .of_guide(self.guide_id)
            .opened_by(self.now)
            .select_related(
                "push__template", "push__asset", "push__coupon", "member", "task", "guide", "store"
            ),
            pk=target_id,
        )

    def back(self, target: TaskTarget) -> HttpResponse:
        return redirect("guide_portal:target", target.pk)

    def page(self, target: TaskTarget, *, text: str = "", status: int = 200) -> HttpResponse:
        """The customer's page; `text` is what the guide typed, else it is the script's."""
        now = self.now
        bought = last_purchases(member_ids=[target.member_id])
        card = target_cards([target], now=now, bought=bought)[0]
        context: dict[str, Any] = {"card": card, "asset": target.push.asset}
        if card.can_send:
            context["attachments"] = attachments_of(script_id=target.push.template_id)
            context["coupon"] = coupon_words(target.push)
            context["text"] = text or personal_text(target, now=now, bought=bought)
            context["refusal"] = refusal_words(target, now=now)
            context["contacted"] = "" if context["refusal"] else contact_words(target, now=now)
            context.update(sdk_context(self.actor))
        else:
            following = next_up(guide_id=self.guide_id, but=target.pk, now=now)
            context["next"] = todo_card(following, now=now) if following else None
        return self.render("guide_portal/target.html", context, status=status)


class Target(TargetPage):
    """发消息: the personal text, ready to change and to send."""

    def get(self, request: HttpRequest, target_id: int) -> HttpResponse:
        return self.page(self.target(target_id))


class TargetLive(TargetPage):
    """The state alone, asked for again while WeCom is to answer."""

    def get(self, request: HttpRequest, target_id: int) -> HttpResponse:
        card = target_cards([self.target(target_id)], now=self.now)[0]
        response = self.render("guide_portal/partials/_target_state.html", {"card": card})
        if card.can_send:  # WeCom gave the customer back: the form is wanted again
            response.headers["HX-Refresh"] = "true"
        return response


class SendTarget(TargetPage):
    """发给…: a mass-send task with this one customer, to be confirmed on the phone."""

    def post(self, request: HttpRequest, target_id: int) -> HttpResponseBase:
        target = self.target(target_id)
        form = SendForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        guide_tasks.send_to_target(
            target=target,
            text=form.cleaned_data["text"] or None,
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        if form.cleaned_data["back"] == "task":
            return redirect(reverse("guide_portal:task", args=[target.task_id]) + "?way=each")
        return self.back(target)

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """The reason, above what the guide typed: nobody writes a message twice."""
        text = request.POST.get("text", "").strip()
        if self.request.htmx or not text or request.POST.get("back") == "task":
            return super().refused(request, error)
        messages.error(request, str(error))
        return self.page(self.target(self.kwargs["target_id"]), text=text, status=409)


class OpenChat(TargetPage):
    """去聊天: the script is on the clipboard and the chat is open: 已发起, never more."""

    def post(self, request: HttpRequest, target_id: int) -> HttpResponseBase:
        target = self.target(target_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        guide_tasks.note_chat_opened(
            target=target,
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        return self.back(target)


class SelfReport(TargetPage):
    """Reached another way, by the guide's own word: 自报."""

    def post(self, request: HttpRequest, target_id: int) -> HttpResponseBase:
        target = self.target(target_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        guide_tasks.self_report(
            target=target,
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        messages.success(request, _("Noted as self-reported"))
        return self.back(target)


class NotSuitable(TargetPage):
    """不适用: one tap on a reason; only a stop for everybody asks again."""

    def get(self, request: HttpRequest, target_id: int) -> HttpResponse:
        return self._page(self.target(target_id), form=None)

    def _page(
        self, target: TaskTarget, *, form: NotSuitableForm | None, confirm: bool = False
    ) -> HttpResponse:
        context = {
            "person": person_of(target.member),
            "target_id": target.pk,
            "reasons": offered_reasons(),
            "form": form,
            "confirm": confirm,
            "back": reverse("guide_portal:target", args=[target.pk]),
        }
        status = 400 if form is not None and form.errors else 200
        return self.render("guide_portal/not_suitable.html", context, status=status)

    def post(self, request: HttpRequest, target_id: int) -> HttpResponseBase:
        target = self.target(target_id)
        form = NotSuitableForm(request.POST)
        if not form.is_valid():
            return self._page(target, form=form)
        reason = form.cleaned_data["reason"]
        if reason == STOP and not form.cleaned_data["confirmed"]:
            return self._page(target, form=form, confirm=True)
        done = self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.excuse_target(
                target=target, reason=reason, actor=self.actor, now=self.now
            ),
        )
        if done:
            # no name here: messages travel in a cookie
            undo = reverse("guide_portal:undo_excuse", args=[target.pk])
            messages.success(request, _("Marked as not applicable"), extra_tags=undo)
        return redirect("guide_portal:today")


class UndoExcuse(TargetPage):
    """撤销: what the guide said, taken back."""

    def post(self, request: HttpRequest, target_id: int) -> HttpResponseBase:
        target = self.target(target_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        self.once(
            form.cleaned_data["client_id"],
            lambda: guide_tasks.undo_excuse(target=target, actor=self.actor, now=self.now),
        )
        return self.back(target)
