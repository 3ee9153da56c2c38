"""话术: what guides wrote and their stores took, on its way to the chain; stores' own wordings."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.pictures import picture_response
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.outreach import services as outreach
from apps.outreach.models import Attachment, MessageTemplate, ScriptProposal, ScriptVariant
from apps.reports.scripts import (
    Comparison,
    ScriptResult,
    places,
    script_results,
    variant_results,
)

PER_PAGE = 30
WHICH = {
    "": ScriptProposal.objects.for_chain,
    "waiting": ScriptProposal.objects.waiting,
    "all": ScriptProposal.objects.all,
}


@hq_page(Capability.VIEW_PUSHES)
def script_proposals(request: HttpRequest) -> HttpResponse:
    """Guides' own scripts: first those a store has taken and nobody decided for the chain."""
    now, actor = clock.now(), actor_of(request)
    which = request.GET.get("which", "")
    which = which if which in WHICH else ""
    rows = WHICH[which]().visible_to(actor).select_related("guide", "store", "template")
    page = Paginator(rows.order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    results = script_results(now=now)
    ranks = places(results)
    return show(
        request,
        "hq/script_proposals.html",
        title=_("Scripts of guides"),
        page=page,
        rows=[
            {
                "row": row,
                "result": results.get(row.template_id or 0, ScriptResult()),
                "place": ranks.get(row.template_id or 0),
                "may_decide": row.state == ScriptProposal.State.TAKEN and not row.chain,
            }
            for row in page
        ],
        which=which,
        query=f"which={which}&" if which else "",
        waiting=ScriptProposal.objects.for_chain().visible_to(actor).count(),
        may_act=actor.sees_all and actor.can(Capability.MANAGE_CONTENT),
    )


@hq_action(Capability.MANAGE_CONTENT)
def decide_proposal(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a store's script to the chain, or say why it stays there."""
    actor, now = actor_of(request), clock.now()
    proposal = get_object_or_404(ScriptProposal.objects.visible_to(actor), pk=pk)
    try:
        if request.POST.get("open") == "yes":
            outreach.open_to_chain(proposal=proposal, actor=actor, now=now)
            messages.success(request, _("The whole chain may use it, under the guide's name."))
        else:
            outreach.keep_from_chain(
                proposal=proposal, why=request.POST.get("why", ""), actor=actor, now=now
            )
            messages.success(request, _("It stays with the store; the guide reads why."))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("hq:script_proposals")


@hq_page(Capability.VIEW_PUSHES)
def attachment_picture(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture of a script's attachment, as what it is."""
    row = get_object_or_404(Attachment.objects.exclude(picture=""), pk=pk)
    return picture_response(str(row.picture))


@hq_page(Capability.VIEW_PUSHES)
def script_variants(request: HttpRequest) -> HttpResponse:
    """How stores say head office's scripts, each beside it, with what either brought."""
    now, actor = clock.now(), actor_of(request)
    rows = ScriptVariant.objects.visible_to(actor).select_related("script", "store")
    wanted = request.GET.get("script", "")
    script = None
    if wanted.isdecimal():
        script = get_object_or_404(MessageTemplate, pk=int(wanted))
        rows = rows.filter(script=script)
    rows = rows.order_by(F("withdrawn_at").asc(nulls_first=True), "-since", "-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    results = variant_results(now=now) if page else {}
    return show(
        request,
        "hq/script_variants.html",
        title=_("Stores' wordings"),
        page=page,
        rows=[
            {
                "row": row,
                "found": results.get(row.pk, Comparison()),
                "outdated": (row.base_body, row.base_generic_body)
                != (row.script.body, row.script.generic_body),
            }
            for row in page
        ],
        script=script,
        query=f"script={script.pk}&" if script else "",
        may_act=actor.sees_all and actor.can(Capability.MANAGE_CONTENT),
    )


@hq_action(Capability.MANAGE_CONTENT)
def withdraw_variant(request: HttpRequest, pk: int) -> HttpResponse:
    """Head office's words count again in that store; its manager reads why."""
    actor = actor_of(request)
    variant = get_object_or_404(ScriptVariant.objects.visible_to(actor), pk=pk)
    try:
        outreach.withdraw_variant(
            variant=variant, why=request.POST.get("why", ""), actor=actor, now=clock.now()
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Withdrawn: the store reads head office's words again."))
    return redirect(f"{reverse('hq:script_variants')}?script={variant.script_id}")
