"""特批: asked on the customer's card, answered in 待审批."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.concessions import services
from apps.concessions.models import Concession, ConcessionTerms, Kind, Reason
from apps.core.errors import DomainError
from apps.guide_portal import concessions
from apps.guide_portal.cards import person_of
from apps.guide_portal.cases import offered_orders
from apps.guide_portal.customers import get_customer
from apps.guide_portal.forms import ActForm, ConcessionForm
from apps.guide_portal.views.base import GuidePage, LeadersPage
from apps.members.models import Member
from apps.members.selectors import survivor_group


class AskConcession(GuidePage):
    """What for, how much and why; and what was asked for TA before."""

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        return self._page(get_customer(actor=self.actor, public_id=public_id))

    def _page(
        self,
        member: Member,
        form: ConcessionForm | None = None,
        *,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        sent = form.data if form else {}
        terms = ConcessionTerms.current()
        context = {
            "person": person_of(member),
            "lines": concessions.lines_of(member=member, actor=self.actor, now=self.now),
            "orders": offered_orders(member_ids=survivor_group(member.survivor_id)),
            "reasons": Reason.choices,
            "kinds": {"return": Kind.RETURN.value, "discount": Kind.DISCOUNT.value},
            "terms": terms,
            "sent": sent,
            "problem": problem,
        }
        return self.render("guide_portal/concession.html", context, status=status)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = get_customer(actor=self.actor, public_id=public_id)
        form = ConcessionForm(request.POST)
        if not form.is_valid():
            if form.has_error("client_id") or form.has_error("kind"):
                return self.bad_form(form)
            words = _("Choose a reason, and write the percentage as a whole number.")
            return self._page(member, form, problem=words, status=400)
        given = form.cleaned_data
        try:
            row = services.ask(
                member_id=member.survivor_id,
                kind=given["kind"],
                reason=given["reason"],
                order_id=given["order"],
                percent=given["percent"],
                client_id=given["client_id"],
                actor=self.actor,
                now=self.now,
            )
        except DomainError as error:
            return self._page(member, form, problem=str(error), status=409)
        words = _("Asked: the %(who)s decides. You get a card.")
        messages.success(request, words % {"who": row.get_level_display()})
        return redirect("guide_portal:concession", member.public_id)


class WithdrawConcession(GuidePage):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, concession_id: int) -> HttpResponseBase:
        mine = Concession.objects.filter(guide_id=self.guide_id).select_related("member")
        row = get_object_or_404(mine, pk=concession_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        after = services.withdraw(concession_id=row.pk, actor=self.actor, now=self.now)
        if after.state == "withdrawn":
            messages.success(request, _("Taken back"))
        else:
            messages.error(request, _("It was decided meanwhile: look at the card."))
        return redirect("guide_portal:concession", row.member.public_id)


class DecideConcession(LeadersPage):
    def post(self, request: HttpRequest, concession_id: int) -> HttpResponseBase:
        return self.answered(
            Concession.objects.visible_to(self.actor),
            concession_id,
            lambda grant: services.decide(
                concession_id=concession_id, grant=grant, actor=self.actor, now=self.now
            ),
            granted=_("Granted; the guide hears of it"),
        )
