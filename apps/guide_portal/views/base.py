"""What all guide pages share: who may come in, how a refusal looks, and acts that happen once."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views import View
from django_htmx.middleware import HtmxDetails

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.requests import ActorRequest
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_portal import receipts
from apps.guide_portal.forms import DecideForm, too_long
from apps.guide_tasks.selectors import badge
from apps.stores.access import CapabilityRequired


def sign_in_address(onward: str, corp_id: str = "") -> str:
    """In by WeCom and on to the page; by this corp's WeCom, where it is known whose it is."""
    named = {"corp": corp_id} if corp_id else {}
    return f"{reverse('guide_portal:sign_in')}?{urlencode({**named, 'next': onward})}"


def referring_page(request: HttpRequest) -> str:
    """The guide page a form was on: a refused act leads back to it."""
    parts = urlsplit(request.headers.get("Referer", ""))
    inside = parts.netloc == request.get_host() and parts.path.startswith("/g/")
    if not inside:
        return reverse("guide_portal:today")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def blank_page(
    request: HttpRequest, *, status: int, head: str, words: str, number: str = ""
) -> HttpResponse:
    """Something went wrong: what happened, and the one way on."""
    today = reverse("guide_portal:today")
    context = {"head": head, "words": words, "action": _("Back to today"), "to": today}
    return render(request, "guide_portal/error.html", {**context, "number": number}, status=status)


class GuideRequest(ActorRequest):
    """A request as all middleware leaves it."""

    htmx: HtmxDetails


class GuidePage(CapabilityRequired, View):
    """A page of a guide at work. Foreign rows are 404; a rule's refusal is told in its words."""

    request: GuideRequest
    capability = Capability.WORK_TASKS
    tab = ""  # which of the four main pages it belongs to

    def render(
        self, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
    ) -> HttpResponse:
        """The template, with this page as `view`: the foot reads there where it stands."""
        shown = {**(context or {}), "view": self}
        return render(self.request, template, shown, status=status)

    @cached_property
    def todo_count(self) -> int:
        """People still to contact, on the foot; a page that knows the number already sets it."""
        return badge(guide_id=self.guide_id, now=self.now)

    def no_permission(self, request: HttpRequest) -> HttpResponseBase | None:
        actor = self.actor
        if self.capability and actor.can(self.capability) and actor.guide_id is not None:
            return None
        if request.user.is_authenticated and actor.guide_id is not None:
            return blank_page(
                request,
                status=403,
                head=_("This page is not for you"),
                words=_("It belongs to store managers."),
            )
        onward = request.get_full_path() if request.method == "GET" else referring_page(request)
        address = sign_in_address(onward)
        if self.request.htmx:
            return HttpResponse(headers={"HX-Redirect": address})
        return redirect(address)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Http404:
            response = blank_page(
                request,
                status=404,
                head=_("This page is not there"),
                words=_("It may belong to a colleague, or the task was taken back."),
            )
        except DomainError as error:
            response = self.refused(request, error)
        # WeCom on the desktop keeps pages stubbornly; a task list of yesterday helps nobody
        patch_cache_control(response, no_cache=True, no_store=True, private=True)
        return response

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """A form goes back to its page with the reason; a page that cannot be shown says why."""
        if self.request.htmx:
            # htmx shows no error answers: the reason goes to the page's own line for words
            context = {"words": str(error)}
            response = self.render("guide_portal/partials/_refused.html", context)
            response.headers["HX-Retarget"] = "#say"
            response.headers["HX-Reswap"] = "outerHTML"
            return response
        if request.method == "POST":
            messages.error(request, str(error))
            return redirect(referring_page(request))
        return blank_page(request, status=409, head=_("This did not work"), words=str(error))

    @property
    def actor(self) -> Actor:
        return self.request.actor

    @property
    def guide_id(self) -> int:
        if self.actor.guide_id is None:
            raise PermissionDenied
        return self.actor.guide_id

    @property
    def now(self) -> datetime:
        return clock.now()

    def bad_form(self, form: Form, words: str = "") -> HttpResponse:
        """A form that no page of ours sends, or one whose page is too old; `words` say what to do
        where somebody may have left something out or mistyped it."""
        words = "" if "client_id" in form.errors else words or too_long(form)
        if words or self.request.htmx:
            return self.refused(self.request, DomainError(words or self._old_page))
        return self._out_of_date(status=400)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """A phone that brings a closed tab back asks for the address of a form: no white page."""
        refused = super().http_method_not_allowed(request, *args, **kwargs)
        page = self._out_of_date(status=refused.status_code)
        page.headers["Allow"] = refused.headers["Allow"]
        return page

    def _out_of_date(self, *, status: int) -> HttpResponse:
        return blank_page(
            self.request,
            status=status,
            head=_("This did not work"),
            words=self._old_page,
        )

    @property
    def _old_page(self) -> str:
        return _("The page was out of date. Open it again and try once more.")

    def once(self, client_id: uuid.UUID, act: Callable[[], object], *, kind: str = "") -> bool:
        """Do `act` unless this form did it already; an act that was refused may be retried."""
        return receipts.once(guide_id=self.guide_id, client_id=client_id, act=act, kind=kind)

    def answered(
        self, rows: QuerySet, pk: int, decide: Callable[[bool], object], *, granted: str
    ) -> HttpResponseBase:
        """The yes or no on one row of 待审批; the service judges whether it is this actor's."""
        if not rows.filter(pk=pk).exists():
            raise Http404
        form = DecideForm(self.request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        grant = form.cleaned_data["grant"]
        decide(grant)
        messages.success(self.request, granted if grant else _("Refused"))
        return redirect("guide_portal:approvals")


class LeadersPage(GuidePage):
    """For the store's manager, and for the region's, who works in no store."""

    capability = Capability.MANAGE_TEAM

    def no_permission(self, request: HttpRequest) -> HttpResponseBase | None:
        if self.actor.guide_id is None and self.actor.can(Capability.LEAD_REGION):
            return None
        return super().no_permission(request)
