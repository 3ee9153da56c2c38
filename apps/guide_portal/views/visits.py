"""巡店: a regional manager's notes on a store, and closing what follows from them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_portal import visits
from apps.guide_portal.forms import too_long
from apps.guide_portal.views.base import GuidePage, referring_page
from apps.guide_portal.views.region import InStore
from apps.guide_portal.visit_forms import ITEM_DAYS, ITEM_ROWS, VisitForm, WordForm
from apps.stores.models import VisitItem
from apps.stores.visits import close_item


class Visits(InStore):
    capability = Capability.LEAD_REGION

    def _form(self, store: Any, *data: Any) -> VisitForm:
        return VisitForm(*data, store=store, day=clock.business_day(self.now))

    def _page(
        self, store: Any, form: VisitForm, *, status: int = 200, problem: str = ""
    ) -> HttpResponse:
        def value(name: str) -> str:
            return str(form[name].value() or "")

        context = {
            "page": visits.visits_page(store=store, actor=self.actor, now=self.now),
            "form": form,
            "problem": problem,
            "rows": [
                {
                    "number": n,
                    "words": value(f"words_{n}"),
                    "guide": value(f"guide_{n}"),
                    "days": value(f"days_{n}") or str(ITEM_DAYS[1]),
                }
                for n in ITEM_ROWS
            ],
            "dues": [(days, _("in %(n)s days") % {"n": days}) for days in ITEM_DAYS],
        }
        return self.render("guide_portal/visits.html", context, status=status)

    def get(self, request: HttpRequest, store_id: int) -> HttpResponse:
        store = self.store(store_id)
        return self._page(store, self._form(store))

    def post(self, request: HttpRequest, store_id: int) -> HttpResponseBase:
        store = self.store(store_id)
        form = self._form(store, request.POST)
        if form.has_error("client_id"):
            return self.bad_form(form)
        if not form.is_valid():
            problem = too_long(form) or _("Choose from the lists")
            return self._page(store, form, status=400, problem=problem)
        try:
            visits.keep(
                store=store,
                note=form.cleaned_data["note"],
                items=form.items(now=self.now),
                actor=self.actor,
                now=self.now,
                client_id=form.cleaned_data["client_id"],
            )
        except DomainError as error:
            return self._page(store, form, status=409, problem=str(error))
        messages.success(request, _("Kept; the store manager sees it at the morning meeting"))
        return redirect("guide_portal:visits", store_id=store.pk)


class CloseVisitItem(GuidePage):
    """Closed with a word, by the store or by whoever leads the region."""

    capability = Capability.MANAGE_TEAM

    def no_permission(self, request: HttpRequest) -> HttpResponseBase | None:
        """A regional manager leads stores without working in one."""
        if self.actor.can(Capability.MANAGE_TEAM):
            return None
        return super().no_permission(request)

    def post(self, request: HttpRequest, item_id: int) -> HttpResponseBase:
        item = get_object_or_404(VisitItem.objects.visible_to(self.actor), pk=item_id)
        form = WordForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        close_item(item=item, word=form.cleaned_data["word"], actor=self.actor, now=self.now)
        messages.success(request, _("Closed"))
        return redirect(referring_page(request))
