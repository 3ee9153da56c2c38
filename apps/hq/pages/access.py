"""会员 › 查看申请: who asks to see other guides' customers, and who looked up unusually many."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.concessions import selectors as concessions
from apps.concessions import services
from apps.concessions.models import Concession
from apps.core import clock
from apps.core.errors import DomainError
from apps.handovers import services as handovers
from apps.handovers.selectors import ClaimCase, claims_waiting_for
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.members import services as members
from apps.members.models import AccessRequest
from apps.members.selectors import listed_name, standing_alerts
from apps.outreach.services import access_news

LISTED = 100


@hq_page(Capability.VIEW_MEMBERS)
def access_requests(request: HttpRequest) -> HttpResponse:
    """Requests that wait, the oldest first, and alerts nobody has asked about yet."""
    actor = actor_of(request)
    may_act = actor.can(Capability.EDIT_MEMBERS)
    waiting = (
        AccessRequest.objects.visible_to(actor)
        .waiting()
        .select_related("guide", "store", "member")
        .order_by("asked_at", "pk")[:LISTED]
    )
    return show(
        request,
        "hq/access.html",
        title=_("Requests to look"),
        rows=[
            {
                "asked": one,
                "about": listed_name(one.member),
                "may_decide": members.may_decide(asked=one, actor=actor),
            }
            for one in waiting
        ],
        claims=_claims(actor),
        concessions=_concessions(actor),
        alerts=standing_alerts() if actor.sees_all else [],
        may_act=may_act,
        me=actor.label,
    )


def _claims(actor: Actor) -> list[tuple[ClaimCase, str]]:
    """归属申请, each with whom it is about."""
    waiting = claims_waiting_for(actor=actor, now=clock.now())
    return [(case, listed_name(case.claim.member)) for case in waiting]


def _concessions(actor: Actor) -> list[tuple[Concession, str, str]]:
    """特批, each with what is asked for and whom it is about."""
    waiting = concessions.waiting_for(actor=actor)
    return [(row, services.what(row), listed_name(row.member)) for row in waiting]


def _decided(request: HttpRequest, decide: Callable[..., object], granted: str) -> HttpResponse:
    """The yes or no on one row; the service judges."""
    grant = request.POST.get("grant") == "yes"
    try:
        decide(grant=grant, actor=actor_of(request), now=clock.now())
    except ObjectDoesNotExist:
        raise Http404 from None
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, granted if grant else _("Refused"))
    return redirect("hq:access")


@hq_action(Capability.EDIT_MEMBERS)
def decide_access(request: HttpRequest, pk: int) -> HttpResponse:
    """A look for a day, or no."""
    return _decided(request, partial(access_news.decide_access, request_id=pk), _("Granted"))


@hq_action(Capability.EDIT_MEMBERS)
def decide_claim(request: HttpRequest, pk: int) -> HttpResponse:
    """Whose customer somebody is, where the stores lie in two regions, or nobody else answers."""
    decide = partial(handovers.decide_claim, claim_id=pk)
    return _decided(request, decide, _("Granted; both hear of it"))


@hq_action(Capability.EDIT_MEMBERS)
def decide_concession(request: HttpRequest, pk: int) -> HttpResponse:
    """A late return or a discount, beyond the region's limit or where nobody else answers."""
    decide = partial(services.decide, concession_id=pk)
    return _decided(request, decide, _("Granted; the guide hears of it"))


@hq_action(Capability.EDIT_MEMBERS)
def settle_look_ups(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody has asked why so many were looked up; nobody asks themselves."""
    try:
        settled = members.settle_alert(alert_id=pk, actor=actor_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        if settled:
            messages.success(request, _("Settled."))
    return redirect("hq:access")
