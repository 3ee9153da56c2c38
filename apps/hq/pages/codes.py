"""企微 › 渠道活码: the codes with what they brought, making and changing them, their posters."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.contact_codes import posters, services
from apps.contact_codes.models import ChannelCode, CodeShift, LinkQuota
from apps.contact_codes.selectors import Figures, days_of, figures_of, names_of
from apps.contact_codes.services.duty import preview
from apps.core import clock
from apps.core.errors import DomainError
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.code_forms import BatchForm, CodeForm, shift_forms
from apps.hq.picture_form import sealed
from apps.stores.models import Guide, Store
from apps.wecom.errors import CorpNotConfigured
from apps.wecom.selectors import active_corps

PER_PAGE = 50
OFFERED = 500  # choices offered while typing; beyond that the code is typed
_BAD_REQUEST = 422

Kind = ChannelCode.Kind
Medium = ChannelCode.Medium
Status = ChannelCode.Status
TROUBLE = (
    Q(status__in=[Status.FAILED, Status.UNKNOWN])
    | Q(nobody_since__isnull=False)
    | (Q(medium=Medium.LINK) & ~Q(reason=""))  # its address may have changed
)
WHICH = {
    "": Q(stopped_at=None),
    "trouble": Q(stopped_at=None) & TROUBLE,
    "stopped": Q(stopped_at__isnull=False),
}
TONES = {
    Status.MADE: "on",
    Status.UNKNOWN: "bad",
    Status.FAILED: "bad",
    Status.WANTED: "warn",
}
PURPOSES = {
    Kind.STORE: gettext_lazy(
        "Everybody at work in the store receives; the poster hangs in the shop."
    ),
    Kind.GUIDE: gettext_lazy("One person; while they are away, whoever covers for them."),
    Kind.CHAIN: gettext_lazy("Several guides by weekday and hour, of one or many stores."),
    Kind.NEAREST: gettext_lazy(
        "One poster for all stores: the customer's phone shows the nearest ones."
    ),
}
LINK_PURPOSES = {
    Kind.STORE: gettext_lazy("Who opens the link adds whoever is at work in the store."),
    Kind.GUIDE: gettext_lazy("Who opens the link adds this guide, or whoever covers for them."),
    Kind.CHAIN: gettext_lazy("Several guides by weekday and hour, of one or many stores."),
}
LINK_KINDS = [Kind.STORE, Kind.GUIDE, Kind.CHAIN]


def _medium(request: HttpRequest) -> Medium:
    return Medium.LINK if request.GET.get("medium") == Medium.LINK else Medium.CODE


def _filtered(request: HttpRequest, actor: Actor) -> tuple[QuerySet[ChannelCode], dict[str, str]]:
    asked = {name: request.GET.get(name, "") for name in ("which", "channel", "kind", "q")}
    rows = ChannelCode.objects.visible_to(actor).filter(
        WHICH.get(asked["which"], WHICH[""]), medium=_medium(request)
    )
    if asked["channel"]:
        rows = rows.filter(channel=asked["channel"])
    if asked["kind"] in Kind.values:
        rows = rows.filter(kind=asked["kind"])
    if word := asked["q"].strip():
        rows = rows.filter(
            Q(title__icontains=word) | Q(store__name__icontains=word) | Q(store__code=word)
        )
    return rows, {name: value for name, value in asked.items() if value}


@hq_page(Capability.VIEW_REPORTS)
def code_list(request: HttpRequest) -> HttpResponse:
    """What hangs where, who receives now, and what it brought in 30 days."""
    actor, now = actor_of(request), clock.now()
    rows, asked = _filtered(request, actor)
    rows = rows.select_related("store", "guide").order_by("-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    codes = list(page)
    figures, names = figures_of([code.pk for code in codes], now=now), names_of(codes)
    medium = _medium(request)
    mine = ChannelCode.objects.visible_to(actor).filter(medium=medium)
    counts = mine.aggregate(
        running=Count("pk", filter=WHICH[""]),
        trouble=Count("pk", filter=WHICH["trouble"]),
        stopped=Count("pk", filter=WHICH["stopped"]),
    )
    is_link = medium == Medium.LINK
    base = {"medium": Medium.LINK.value} if is_link else {}
    query = urlencode({**base, **asked})
    return show(
        request,
        "hq/codes.html",
        title=_("Acquisition links") if is_link else _("Contact codes"),
        is_link=is_link,
        base=f"{urlencode(base)}&" if base else "",
        quotas=list(LinkQuota.objects.order_by("corp_id")) if is_link else [],
        page=page,
        rows=[_row(code, figures.get(code.pk, Figures()), names) for code in codes],
        counts=counts,
        asked=asked,
        which=asked.get("which", ""),
        query=f"{query}&" if query else "",
        channels=_channels(actor),
        kinds=[(kind.value, kind.label) for kind in (LINK_KINDS if is_link else Kind)],
        may_act=actor.can(Capability.MANAGE_CODES),
    )


def _row(code: ChannelCode, figures: Figures, names: dict[str, str]) -> dict[str, Any]:
    people = [names.get(user, user) for user in code.pushed_users]
    return {
        "code": code,
        "tone": TONES.get(Status(code.status), ""),
        "people": people[:3],
        "more": max(0, len(people) - 3),
        "figures": figures,
    }


def _channels(actor: Actor) -> list[str]:
    rows = ChannelCode.objects.visible_to(actor).order_by("channel")
    return list(rows.values_list("channel", flat=True).distinct())


def _offers(actor: Actor) -> dict[str, Any]:
    stores = Store.objects.visible_to(actor).open_on(clock.today())
    guides = Guide.objects.visible_to(actor).active()
    return {
        "channels": _channels(actor),
        "stores": stores.values_list("code", "name")[:OFFERED],
        "guides": guides.values_list("wecom_userid", "name")[:OFFERED],
    }


# --- make and change -------------------------------------------------------------------------


@hq_page(Capability.MANAGE_CODES)
def code_new(request: HttpRequest, kind: str) -> HttpResponse:
    """A new code of this kind; 预览 shows who would receive now and saves nothing."""
    medium = _medium(request)
    if kind not in (LINK_KINDS if medium == Medium.LINK else Kind):
        raise Http404
    actor = actor_of(request)
    data = request.POST or None
    form = CodeForm(
        data, request.FILES or None, kind=kind, medium=medium, actor=actor,
        initial={"client_id": uuid4()},
    )  # fmt: skip
    return _edit(request, form, shift_forms(data, actor=actor), code=None)


@hq_page(Capability.VIEW_REPORTS)
def code_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One code: who receives, what it brought day by day; who may, changes it here."""
    actor = actor_of(request)
    code = get_object_or_404(
        ChannelCode.objects.visible_to(actor).select_related("store", "guide", "backup"), pk=pk
    )
    if request.method == "POST" and not actor.can(Capability.MANAGE_CODES):
        return HttpResponse(status=403)
    data = request.POST or None
    initial = {
        "client_id": code.client_id,
        **{name: getattr(code, name) for name in ("title", "channel", "daily_limit", "welcome",
                                                  "card_title", "card_text", "card_url",
                                                  "poster_text")},
        "backup": f"{code.backup.wecom_userid} {code.backup.name}" if code.backup else "",
        "tags": [tag.pk for tag in code.tags.all()],
        "kept": sealed(str(code.welcome_picture)),
    }  # fmt: skip
    form = CodeForm(
        data, request.FILES or None, kind=code.kind, medium=code.medium, actor=actor, fixed=True,
        initial=initial,
    )  # fmt: skip
    shifts = list(code.shifts.select_related("guide"))
    return _edit(request, form, shift_forms(data, actor=actor, rows=shifts), code=code)


def _edit(
    request: HttpRequest, form: CodeForm, shifts: Any, *, code: ChannelCode | None
) -> HttpResponse:
    problem, seen, status = "", None, 200
    if request.method == "POST":
        # both, so that every mistake is shown at once
        good = all([form.is_valid(), shifts.is_valid()])
        found = [shift for one in shifts if (shift := one.shift())] if good else []
        wanted = form.wanted(found, code=code) if good else None
        status = _BAD_REQUEST
        if wanted is not None and "preview" in request.POST:
            seen, status = _preview(wanted), 200
        elif wanted is not None:
            try:
                return _saved(request, form, wanted, code)
            except DomainError as error:
                problem = str(error)
    elif code is not None and code.stopped_at is None:
        seen = _preview_of(code, list(code.shifts.all()))
    return _form_page(request, form, shifts, code, problem=problem, seen=seen, status=status)


def _saved(
    request: HttpRequest, form: CodeForm, wanted: services.Wanted, code: ChannelCode | None
) -> HttpResponse:
    actor, now = actor_of(request), clock.now()
    if code is not None:
        services.change_code(code_id=code.pk, wanted=wanted, actor=actor, now=now)
        if code.is_link:
            said = _("Saved. WeCom is told in a moment; the address stays.")
        else:
            said = _("Saved. WeCom is told in a moment; the poster stays.")
        messages.success(request, said)
        return redirect("hq:code", pk=code.pk)
    made = services.create_code(
        wanted=wanted,
        corp_id=services.corp_of(guide_ids=wanted.guide_ids, store_id=wanted.store_id),
        actor=actor,
        now=now,
        client_id=form.cleaned_data["client_id"],
    )
    if made.is_link:
        said = _("Made. The address to copy is here in a moment.")
    else:
        said = _("Made. The poster can be printed; WeCom is told in a moment.")
    messages.success(request, said)
    return redirect("hq:code", pk=made.pk)


def _preview(wanted: services.Wanted) -> tuple[list[Guide], bool] | None:
    code = ChannelCode(
        pk=0, corp_id="", kind=wanted.kind, medium=wanted.medium,
        store_id=wanted.store_id, guide_id=wanted.guide_id, backup_id=wanted.backup_id,
    )  # fmt: skip
    shifts = [
        CodeShift(guide_id=one.guide_id, weekdays=list(one.weekdays), starts=one.starts,
                  ends=one.ends)
        for one in wanted.shifts
    ]  # fmt: skip
    return _preview_of(code, shifts)


def _preview_of(code: ChannelCode, shifts: list[CodeShift]) -> tuple[list[Guide], bool] | None:
    if code.kind == Kind.NEAREST:
        return None
    return preview(code=code, shifts=shifts, now=clock.now())


def _form_page(
    request: HttpRequest,
    form: CodeForm,
    shifts: Any,
    code: ChannelCode | None,
    *,
    problem: str,
    seen: tuple[list[Guide], bool] | None,
    status: int,
) -> HttpResponse:
    actor, now = actor_of(request), clock.now()
    kind = Kind(form.kind)
    context: dict[str, Any] = {
        "form": form,
        "shifts": None if kind in (Kind.GUIDE, Kind.NEAREST) else shifts,
        "code": code,
        "kind": kind,
        "is_link": form.medium == Medium.LINK,
        "purpose": (LINK_PURPOSES if form.medium == Medium.LINK else PURPOSES)[kind],
        "problem": problem,
        "seen": seen,
        "may_act": actor.can(Capability.MANAGE_CODES),
        **_offers(actor),
    }
    if code is not None:
        names = names_of([code])
        context |= {
            "tone": TONES.get(Status(code.status), ""),
            "people": [names.get(user, user) for user in code.pushed_users],
            "figures": figures_of([code.pk], now=now).get(code.pk, Figures()),
            "days": days_of(code, now=now),
            "qr": posters.qr_data(code),
            "address": posters.address_of(code),
        }
    title = code.title if code else kind.label
    return show(request, "hq/code.html", title=title, status=status, **context)


@transaction.atomic
def _made_in_every_corp(form: BatchForm, actor: Actor) -> services.Batch:
    """Each corp's stores get codes of their own corp."""
    region, corps = form.cleaned_data["region"], active_corps()
    if not corps:
        raise CorpNotConfigured()
    made = [
        services.make_store_codes(
            region_id=region.pk if region else None,
            wanted=form.wanted([]),
            corp_id=corp.corp_id,
            actor=actor,
            now=clock.now(),
        )
        for corp in corps
    ]
    return services.Batch(sum(one.made for one in made), sum(one.there for one in made))


@hq_page(Capability.MANAGE_CODES)
def code_batch(request: HttpRequest) -> HttpResponse:
    """A code for every live store that has none of this channel, in one go."""
    actor = actor_of(request)
    fresh = {"client_id": uuid4()}
    form = BatchForm(request.POST or None, request.FILES or None, actor=actor, initial=fresh)
    problem, status = "", 200
    if request.method == "POST":
        status = _BAD_REQUEST
        if form.is_valid():
            try:
                made = _made_in_every_corp(form, actor)
            except DomainError as error:
                problem = str(error)
            else:
                words = ngettext("%(n)s code made.", "%(n)s codes made.", made.made)
                there = _("%(n)s stores had one already.") % {"n": made.there}
                messages.success(request, f"{words % {'n': made.made}} {there}")
                return redirect("hq:codes")
    return show(
        request, "hq/code_batch.html", title=_("A code for every store"), status=status,
        form=form, problem=problem, channels=_channels(actor),
    )  # fmt: skip


@hq_action(Capability.MANAGE_CODES)
def code_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Nobody comes by it any more."""
    actor = actor_of(request)
    code = get_object_or_404(ChannelCode.objects.visible_to(actor), pk=pk)
    services.stop_code(code_id=code.pk, actor=actor, now=clock.now())
    messages.success(request, _("Stopped. Whoever still scans it reads that it is over."))
    return redirect("hq:code", pk=pk)


@hq_action(Capability.MANAGE_CODES)
def code_again(request: HttpRequest, pk: int) -> HttpResponse:
    """What WeCom refused is mended: tell it now."""
    actor = actor_of(request)
    code = get_object_or_404(ChannelCode.objects.visible_to(actor), pk=pk)
    services.tell_again(code_id=code.pk, actor=actor, now=clock.now())
    messages.success(request, _("WeCom is told in a moment."))
    return redirect("hq:code", pk=pk)


# --- posters -------------------------------------------------------------------------


@hq_page(Capability.VIEW_REPORTS)
def code_poster(request: HttpRequest, pk: int) -> HttpResponse:
    """A sheet to print."""
    code = get_object_or_404(
        ChannelCode.objects.visible_to(actor_of(request)).select_related("store"), pk=pk
    )
    return render(request, "contact_codes/poster.html", posters.sheet(code, request.GET))


@hq_page(Capability.VIEW_REPORTS)
def code_qr(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The picture alone, for a designer."""
    code = get_object_or_404(ChannelCode.objects.visible_to(actor_of(request)), pk=pk)
    return posters.download(code, kind)
