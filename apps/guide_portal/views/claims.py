"""归属申请: asked on the customer's card, answered in 待审批."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from apps.guide_portal.cards import person_of
from apps.guide_portal.claims import claim_page
from apps.guide_portal.customers import get_customer
from apps.guide_portal.forms import ActForm, ClaimForm
from apps.guide_portal.views.base import GuidePage, LeadersPage
from apps.handovers import services
from apps.handovers.models import OwnershipClaim


class ClaimCustomer(GuidePage):
    """Why should TA be yours? One tap on a reason sends the request."""

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        member = get_customer(actor=self.actor, public_id=public_id)
        context = {
            "person": person_of(member),
            "page": claim_page(member=member, actor=self.actor),
            "reasons": OwnershipClaim.Reason.choices,
        }
        return self.render("guide_portal/claim.html", context)

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
        member = get_customer(actor=self.actor, public_id=public_id)
        form = ClaimForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        claim = services.claim_member(
            member_id=member.survivor_id,
            reason=form.cleaned_data["reason"],
            client_id=form.cleaned_data["client_id"],
            actor=self.actor,
            now=self.now,
        )
        words = _("Asked: the %(who)s decides. You get a card.")
        messages.success(request, words % {"who": claim.get_level_display()})
        return redirect("guide_portal:claim", member.public_id)


class WithdrawClaim(GuidePage):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, claim_id: int) -> HttpResponseBase:
        mine = OwnershipClaim.objects.filter(guide_id=self.guide_id).select_related("member")
        claim = get_object_or_404(mine, pk=claim_id)
        form = ActForm(request.POST)
        if not form.is_valid():
            return self.bad_form(form)
        after = services.withdraw_claim(claim_id=claim.pk, actor=self.actor, now=self.now)
        if after.state == OwnershipClaim.State.WITHDRAWN:
            messages.success(request, _("Taken back"))
        else:
            messages.error(request, _("It was decided meanwhile: look at the card."))
        return redirect("guide_portal:claim", claim.member.public_id)


class DecideClaim(LeadersPage):
    """The word of who stands above both."""

    def post(self, request: HttpRequest, claim_id: int) -> HttpResponseBase:
        return self.answered(
            OwnershipClaim.objects.visible_to(self.actor),
            claim_id,
            lambda grant: services.decide_claim(
                claim_id=claim_id, grant=grant, actor=self.actor, now=self.now
            ),
            granted=_("Granted; both hear of it"),
        )
