"""会员详情: who, why this stage, three relations, the timeline; the number only for a reason."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.models import AuditEntry
from apps.cases.models import ServiceCase
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import row_ids
from apps.core.pii import holds_phone
from apps.guide_tasks import selectors as guide_tasks
from apps.hq import story
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.selectors import people, refusal_of
from apps.loyalty.selectors import points_of, points_words
from apps.members import selectors, services
from apps.members.models import (
    Consent,
    FollowRelation,
    Interaction,
    LookUp,
    Member,
    MemberIdentity,
    ServingPeriod,
)
from apps.members.services.notes import UNMASK
from apps.orders import selectors as orders
from apps.orders.models import Order
from apps.outreach import policy
from apps.outreach import services as outreach
from apps.profiles import selectors as profiles
from apps.reports.link_orders import links_of_orders
from apps.tagging import selectors as tagging
from apps.tagging import services as tag_services
from apps.tagging.models import Tag, TagChange
from apps.timeline.models import MemberEvent
from apps.timeline.selectors import told_already

PAGE = 30
FOUND_LIMIT = 50
LOOKED_AT = 100
TABS = ("timeline", "people", "orders", "tags", "consents", "tasks")
SHOWN_SECONDS = 60
REASONS = {
    "complaint": gettext_lazy("handle a complaint or after-sales case"),
    "identity": gettext_lazy("check identity, merge duplicates"),
    "correction": gettext_lazy("the customer asked for a correction"),
}
GROUP_WORDS = [
    ("", gettext_lazy("all")),
    ("buy", gettext_lazy("purchases and returns")),
    ("touch", gettext_lazy("contact")),
    ("wecom", pgettext_lazy("menu", "WeCom")),
    ("tags", gettext_lazy("tags and stage")),
    ("consent", gettext_lazy("consents")),
]


def _member(request: HttpRequest, public_id: UUID) -> Member:
    """The survivor behind the address, as far as the actor may see; else 404."""
    visible = Member.objects.visible_to(actor_of(request)).filter(erased_at=None)
    member = get_object_or_404(visible.select_related("home_store", "enrolling_guide"),
                               public_id=public_id)  # fmt: skip
    if member.survivor_id != member.pk:
        member = get_object_or_404(
            visible.select_related("home_store", "enrolling_guide"), pk=member.survivor_id
        )
    return member


@hq_page(Capability.VIEW_MEMBERS)
def member(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The member's page."""
    return _page(request, _member(request, public_id))


def _page(request: HttpRequest, row: Member, **extra: Any) -> HttpResponse:
    now, actor = clock.now(), actor_of(request)
    group = selectors.survivor_group(row.pk)
    tab = request.GET.get("tab", "timeline")
    tab = tab if tab in TABS else "timeline"
    card = selectors.member_card(member_ids=[row.pk])[row.pk]
    seen_today = AuditEntry.objects.filter(
        actor=actor.label, action=UNMASK, at__gte=clock.day_start(clock.business_day(now))
    )
    return show(
        request,
        "hq/member.html",
        title=card.masked_name or _("no name"),
        member=row,
        card=card,
        tab=tab,
        tabs=_tabs(row, group, actor),
        reasons=list(REASONS.items()),
        may_unmask=actor.can(Capability.UNMASK_MEMBERS),
        may_tag=actor.can(Capability.EDIT_TAGS) or actor.can(Capability.EDIT_MEMBERS),
        may_edit=actor.can(Capability.EDIT_MEMBERS),
        seen_today=seen_today.count(),
        shown_seconds=SHOWN_SECONDS,
        all_tags=Tag.objects.filter(retired_at=None).select_related("group"),
        complaints=ServiceCase.objects.undecided().of_members(group).order_by("due_at", "pk"),
        points=points_words(points_of(member_ids=group, now=now), now=now),
        **_header(row, card, now),
        **_TAB_CONTEXT[tab](request, row, group, now),
        **extra,
    )


def _header(row: Member, card: selectors.MemberCard, now: datetime) -> dict[str, Any]:
    profile = profiles.profile_of(row.pk)
    facts = profiles.facts_of([row.pk])[row.pk]
    last = orders.last_purchases(member_ids=[row.pk]).get(row.pk)
    refusal = refusal_of(member_id=row.pk, now=now)
    serving = (
        ServingPeriod.objects.filter(member_id=row.pk)
        .select_related("guide", "store")
        .order_by("-since")[:2]
    )
    follows = (
        FollowRelation.objects.filter(member_id=row.pk)
        .select_related("guide")
        .order_by("until", "-since")
    )
    contact = (
        Interaction.objects.filter(member_id=row.pk)
        .select_related("guide")
        .order_by("-occurred_at")
        .first()
    )
    left = policy.monthly_cap(now) - outreach.month_use(member_id=row.pk, now=now)
    return {
        "profile": profile,
        "facts": facts,
        "stage_sentence": profiles.stage_sentence(profile, now),
        "stage_version": profiles.current_version(now),
        "last": last,
        "refusal": policy.sentence(refusal) if refusal else "",
        "left_this_month": max(left, 0),
        "serving": next((period for period in serving if period.until is None), None),
        "served_before": next((period for period in serving if period.until is not None), None),
        "friends": [row for row in follows if row.until is None],
        "former_friends": [row for row in follows if row.until is not None][:2],
        "contact": contact,
        "tags": tagging.tags_of([row.pk]).get(row.pk, []),
    }


def _orders(group: list[int]) -> QuerySet[Order]:
    return Order.objects.filter(member_id__in=group)


def _tabs(row: Member, group: list[int], actor: Any) -> list[tuple[str, Any, int | None]]:
    tasks = guide_tasks.targets_of_members(member_ids=group, actor=actor, limit=100)
    return [
        ("timeline", _("Story"), None),
        ("people", _("Who looked after TA"), None),
        ("orders", _("Orders"), _orders(group).count()),
        ("tags", _("Tags"), len(tagging.tags_of([row.pk]).get(row.pk, []))),
        ("consents", _("Consents"), Consent.objects.filter(member_id__in=group).count()),
        ("tasks", _("Tasks"), len(tasks)),
    ]


def _timeline(request: HttpRequest, row: Member, group: list[int], now: datetime) -> dict[str, Any]:
    kind = request.GET.get("kind", "")
    try:
        before = parse_datetime(request.GET.get("before", ""))
    except ValueError:  # the form of a moment, and no moment
        before = None
    events = MemberEvent.objects.filter(member_id__in=group, occurred_at__lte=now)
    events = events.exclude(told_already())
    if kind in story.GROUPS:
        events = events.filter(kind__in=story.GROUPS[kind])
    if before is not None and before.tzinfo is not None:
        events = events.filter(occurred_at__lt=before)
    found = list(events.order_by("-occurred_at", "-id")[: PAGE + 1])
    lines = story.tell(found[:PAGE])
    return {
        "lines": lines,
        "kind": kind,
        "kinds": GROUP_WORDS,
        "older": lines[-1].at.isoformat() if len(found) > PAGE else "",
    }


def _people_tab(
    request: HttpRequest, row: Member, group: list[int], now: datetime
) -> dict[str, Any]:
    """Every 专属导购 and every friendship, dated; with `on` those of that day alone."""
    served = ServingPeriod.objects.filter(member_id__in=group).select_related("guide", "store")
    friends = FollowRelation.objects.filter(member_id__in=group).select_related("guide")
    asked = request.GET.get("on", "")
    day: date | None = None
    problem = ""
    try:
        if day := parse_date(asked):
            start, end = clock.day_bounds(day)
            then = Q(since__lt=end) & (Q(until=None) | Q(until__gt=start))
            served, friends = served.filter(then), friends.filter(then)
    except (ValueError, OverflowError):  # no such day, or the last one there is
        day = None
    if asked and day is None:
        problem = _("This is not a day to look at, so all are shown. Choose one in the calendar.")
    return {
        "on": day,
        "problem": problem,
        "periods": served.order_by("-since")[:LOOKED_AT],
        "follows": friends.order_by("-since")[:LOOKED_AT],
    }


def _order_tab(
    request: HttpRequest, row: Member, group: list[int], now: datetime
) -> dict[str, Any]:
    found = orders.orders_of(member_ids=group, limit=50)
    came = links_of_orders(order_ids=[order.order_id for order in found])
    return {"orders": [(order, came.get(order.order_id)) for order in found]}


def _tag_tab(request: HttpRequest, row: Member, group: list[int], now: datetime) -> dict[str, Any]:
    changes = list(TagChange.objects.filter(member_id=row.pk).order_by("-at", "-id")[:50])
    names = Tag.objects.in_bulk({change.tag_id for change in changes})
    return {"changes": [(change, names.get(change.tag_id)) for change in changes]}


def _consent_tab(
    request: HttpRequest, row: Member, group: list[int], now: datetime
) -> dict[str, Any]:
    return {"consents": Consent.objects.filter(member_id__in=group).order_by("-given_at")}


def _task_tab(request: HttpRequest, row: Member, group: list[int], now: datetime) -> dict[str, Any]:
    targets = guide_tasks.targets_of_members(member_ids=group, actor=actor_of(request))
    return {"targets": targets}


_TAB_CONTEXT = {
    "timeline": _timeline,
    "people": _people_tab,
    "orders": _order_tab,
    "tags": _tag_tab,
    "consents": _consent_tab,
    "tasks": _task_tab,
}


@hq_action(Capability.UNMASK_MEMBERS)
def unmask(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Show the number once, in this answer alone: it is in no address and no session."""
    row = _member(request, public_id)
    reason = REASONS.get(request.POST.get("reason", ""))
    note = request.POST.get("note", "").strip()
    if reason is None or not note:
        return _page(request, row, unmask_error=_("Choose a reason and say which case."))
    if holds_phone(note):
        return _page(
            request, row, unmask_error=_("Say the case without phone numbers: the note is kept.")
        )
    try:
        phone = services.unmask_phone(
            member_id=row.pk,
            actor=actor_of(request),
            reason=f"{request.POST['reason']}: {note}",
            now=clock.now(),
        )
    except DomainError as error:
        return _page(request, row, unmask_error=str(error))
    return _page(request, row, phone=phone)


@hq_action(Capability.EDIT_MEMBERS)
def tag_member(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Put a tag on, or take off what a person put on."""
    row = _member(request, public_id)
    picked = row_ids(request.POST.getlist("tag"))
    change = tag_services.remove_tags if "remove" in request.POST else tag_services.apply_tags
    try:
        change(
            member_ids=[row.pk],
            tag_ids=picked,
            claim=TagChange.Claim.PERSON,
            source=actor_of(request).label,
            actor=actor_of(request),
            at=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("hq:member", public_id=row.public_id)


@hq_action(Capability.EDIT_MEMBERS)
def stop_member(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """客户要求不再联系, and its end when the customer says so."""
    row = _member(request, public_id)
    actor, now = actor_of(request), clock.now()
    lifts = "lift" in request.POST
    with transaction.atomic():
        if lifts:
            services.lift_stop(member_id=row.pk, source=actor.label, now=now, actor=actor)
        else:
            services.stop_contact(member_id=row.pk, source=actor.label, now=now, actor=actor)
        accounts.audit(
            actor=actor,
            action="member.stop_lifted" if lifts else "member.stopped",
            object_type="member",
            object_id=row.pk,
        )
    return redirect("hq:member", public_id=row.public_id)


@hq_action(Capability.VIEW_MEMBERS)
def find_member(request: HttpRequest) -> HttpResponse:
    """Find by phone, last four, name or member number; what was typed stays out of the address."""
    text, actor = request.POST.get("q", "").strip(), actor_of(request)
    try:
        ids = _found(text, actor)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("admin:members_member_changelist")
    rows = people(ids[:FOUND_LIMIT], actor=actor)
    if len(rows) == 1:
        return redirect("hq:member", public_id=rows[0].card.public_id)
    return show(
        request,
        "hq/people.html",
        title=_("Search result"),
        searching=True,
        rows=rows,
        more=len(ids) > FOUND_LIMIT,
        limit=FOUND_LIMIT,
    )


def _found(text: str, actor: Actor) -> list[int]:
    """Whom the words fit. A number or code is a look-up, counted and bounded as on the phones.

    Raises TooManyLookUps.
    """
    visible = Member.objects.visible_to(actor).survivors()
    kind = ""
    if not _is_public_id(text) and any(letter.isdecimal() for letter in text):
        kind = services.kind_of(text) or LookUp.Kind.CODE
    matches = _matches(text, visible).values_list("pk", flat=True)[: FOUND_LIMIT + 1]
    if not kind:
        return list(matches)
    look_up = services.begin_look_up(kind=kind, actor=actor, now=clock.now())
    ids = list(matches)
    services.end_look_up(look_up=look_up, own=len(ids), others=0)
    return ids


def _is_public_id(text: str) -> bool:
    """An id off one of our own pages, that nobody can guess."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _matches(text: str, visible: QuerySet[Member]) -> QuerySet[Member]:
    if len(text) == 4 and text.isdecimal():
        return visible.filter(phone_last4=text).order_by("-pk")
    if _is_public_id(text):
        return visible.filter(public_id=UUID(text))
    if len(text) >= 2 and not any(letter.isdecimal() for letter in text):
        return visible.filter(Q(name=text) | Q(name__startswith=text)).order_by("-pk")
    for kind in (MemberIdentity.Kind.PHONE, MemberIdentity.Kind.MEMBER_NO):
        found = selectors.find_by_identity(kind, "", text)
        if found is not None:
            return visible.filter(pk=found.pk)
    return visible.none()
