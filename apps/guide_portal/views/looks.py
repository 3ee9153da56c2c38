"""搭配: two to five pieces put together, sent to one customer in one tap."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core.errors import DomainError
from apps.core.ids import row_ids
from apps.guide_portal import looks as pages
from apps.guide_portal.customers import get_customer
from apps.guide_portal.forms import ActForm
from apps.guide_portal.look_forms import LookForm, SendLookForm
from apps.guide_portal.views.base import GuidePage
from apps.looks import services as looks
from apps.looks.models import Look
from apps.looks.selectors import Results, results_of
from apps.members.models import Member


def _page_of(look: Look) -> str:
    """Where the customer reads it."""
    return reverse("member_portal:look", args=[look.code])


class Looks(GuidePage):
    """One's own, and the colleagues' in the store to take over."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        cards = pages.cards_of(actor=self.actor)
        context = {
            "own": [card for card in cards if card.is_own],
            "others": [card for card in cards if not card.is_own],
        }
        return self.render("guide_portal/looks.html", context)


class NewLook(GuidePage):
    """The pieces stand in the address until the look is kept: going back loses nothing."""

    def _member(self) -> Member | None:
        named = self.request.GET.get("for", "")
        if not named:
            return None
        try:
            return get_customer(actor=self.actor, public_id=uuid.UUID(named))
        except ValueError:
            raise Http404 from None

    def page(self, form: LookForm, *, status: int = 200) -> HttpResponse:
        query = self.request.GET
        page = pages.making_page(
            ids=row_ids(query.getlist("p")),
            words=query.get("q", "")[:40],
            member=self._member(),
            actor=self.actor,
        )
        context = {"page": page, "form": form}
        return self.render("guide_portal/new_look.html", context, status=status)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(LookForm())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        member, form = self._member(), LookForm(request.POST)
        if not form.is_valid():
            if "client_id" in form.errors:  # no page of ours sends that
                return self.bad_form(form)
            return self.page(form, status=400)
        look = looks.make_look(
            title=form.cleaned_data["title"],
            words=form.cleaned_data["words"],
            product_ids=row_ids(request.GET.getlist("p")),
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        if member is not None:
            return redirect("guide_portal:customer_looks", member.public_id)
        messages.success(request, _("Kept. Send it from a customer's card."))
        return redirect("guide_portal:look", look.pk)

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """The reason above what was written: nobody writes it twice."""
        messages.error(request, str(error))
        return self.page(LookForm(request.POST), status=409)


class OneLook(GuidePage):
    """The pieces, what came of it and, of one's own, to whom it went."""

    tab = "tools"

    def _look(self, look_id: int) -> Look:
        seen = Look.objects.visible_to(self.actor).select_related("guide")
        return get_object_or_404(seen.prefetch_related("items__product"), pk=look_id)

    def get(self, request: HttpRequest, look_id: int) -> HttpResponse:
        look = self._look(look_id)
        results = results_of(look_ids=[look.pk]).get(look.pk, Results())
        card = pages.card_of(look, results, self.actor)
        context = {
            "card": card,
            "receivers": pages.receivers(look=look, actor=self.actor) if card.is_own else [],
        }
        return self.render("guide_portal/look.html", context)

    def post(self, request: HttpRequest, look_id: int) -> HttpResponseBase:
        """照着搭一套: a colleague's becomes one's own."""
        look, form = self._look(look_id), ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        copy = looks.copy_look(
            look=look,
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        messages.success(request, _("It is yours now. Send it from a customer's card."))
        return redirect("guide_portal:look", copy.pk)


class CustomerLooks(GuidePage):
    """发搭配: every look with its button; one tap leaves the message, in one's own name."""

    tab = "customers"

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        member = get_customer(actor=self.actor, public_id=public_id)
        context = {
            "page": pages.sending_page(member=member, actor=self.actor, now=self.now),
        }
        return self.render("guide_portal/customer_looks.html", context)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = get_customer(actor=self.actor, public_id=public_id)
        form = SendLookForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        seen = Look.objects.visible_to(self.actor)
        look = get_object_or_404(seen, pk=form.cleaned_data["look"])
        sent = looks.send_look(
            look=look,
            member=member,
            page_of=_page_of,
            actor=self.actor,
            now=self.now,
            client_id=form.cleaned_data["client_id"],
        )
        words = _("Please confirm the sending in WeCom.")
        if sent.dispatch.not_before > self.now:
            words = _("The message goes out when customers may be written to again.")
        messages.success(request, words)
        return redirect("guide_portal:customer", public_id)
