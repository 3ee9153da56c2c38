"""Pushes without customers: choice of kind, the short form, results per store, photos."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts import modules
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import uuid7
from apps.core.pictures import picture_response
from apps.customer_groups.selectors import send_figures
from apps.customer_groups.services import time_to_know_groups
from apps.guide_tasks import hours, selectors
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import CONFIRMED_IN_WECOM, State, TaskItem, TaskPush
from apps.guide_tasks.services import WantedItems
from apps.hq.access import actor_of, hq_action, hq_page, show
from apps.hq.attachments_form import AttachmentsForm, shown
from apps.hq.item_forms import ItemPushForm, initial_push, mark_of
from apps.outreach.models import MomentPost
from apps.outreach.selectors import taps_of
from apps.outreach.services.links import card_addresses
from apps.outreach.services.moments import LONGEST_WAIT
from apps.reports.link_orders import post_link_orders

Kind = TaskPush.Kind
# kind → (icon, what it is for, what counts as done)
KINDS: dict[str, tuple[str, Any, Any]] = {
    Kind.RECRUIT: (
        "person_add",
        gettext_lazy("Each guide wins so many new members or WeCom friends."),
        gettext_lazy("Counted from enrolments and friendships; nobody ticks it."),
    ),
    Kind.DISPLAY: (
        "photo_camera",
        gettext_lazy("Windows, shelves, posters: put up and photographed."),
        gettext_lazy("The store manager approves the photo, or says what is missing."),
    ),
    Kind.MOMENTS: (
        "camera",
        gettext_lazy("A text that every guide publishes in customers' moments."),
        gettext_lazy("One tap on the guide's phone; WeCom tells who has published."),
    ),
    Kind.GROUP_SEND: (
        "forum",
        gettext_lazy("A message that owners of customer groups send to their groups."),
        gettext_lazy("One tap on the owner's phone; WeCom tells which groups have it."),
    ),
    Kind.GROUP: (
        "groups",
        gettext_lazy("Something a store does once, whoever has time."),
        gettext_lazy("Somebody of the store says it is done."),
    ),
    Kind.FREE: (
        "edit_note",
        gettext_lazy("Something every guide does, in your own words."),
        gettext_lazy("The guide says it is done; shown as self-reported."),
    ),
}
SHOWN_PHOTOS = 24
SHOWN_STORES = 50
_SHOWN_FIRST = CONFIRMED_IN_WECOM


@hq_page(Capability.PUSH_TASKS)
def push_kinds(request: HttpRequest) -> HttpResponse:
    """What kind of work: customers to contact, or one of the others."""
    kinds = [
        (kind, Kind(kind).label, *words) for kind, words in KINDS.items() if modules.is_on(kind)
    ]
    return show(request, "hq/push_kinds.html", title=_("New push"), kinds=kinds)


@hq_page(Capability.PUSH_TASKS)
def item_push_new(request: HttpRequest, kind: str) -> HttpResponse:
    """One page: what, where, until when. Handed out at once or at its hour.

    What customers are to read is shown once as they will see it, before it can be handed out.
    """
    if kind not in KINDS:
        raise Http404
    now, posted = clock.now(), request.POST or None
    form = ItemPushForm(posted, kind=kind, initial={**initial_push(now), "client_id": uuid7()})
    extras = AttachmentsForm(posted, request.FILES, kind=kind) if kind in _SHOWN_FIRST else None
    if posted is None or not _are_valid(form, extras):
        return _item_push_page(request, kind, form, extras, status=400 if posted else 200)
    wanted = form.wanted(attachments=extras.pieces if extras else ())
    mark = mark_of(wanted)
    if extras and request.POST.get("looked") != mark:
        return _item_push_page(request, kind, form, extras, look=wanted, mark=mark)
    try:
        push = guide_tasks.create_item_push(
            wanted=wanted,
            actor=actor_of(request),
            now=now,
            client_id=form.cleaned_data["client_id"],
        )
    except DomainError as error:
        return _item_push_page(request, kind, form, extras, problem=str(error), status=400)
    return redirect("hq:push", pk=push.pk)


def _are_valid(form: ItemPushForm, extras: AttachmentsForm | None) -> bool:
    """Both are looked at, so that a picture is kept and every mistake named at once."""
    others = extras is None or extras.is_valid()
    return form.is_valid() and others


def _item_push_page(
    request: HttpRequest,
    kind: str,
    form: ItemPushForm,
    extras: AttachmentsForm | None,
    *,
    look: WantedItems | None = None,
    mark: str = "",
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """`look`: the push as it would go out, with the `mark` that says it was looked at."""
    icon, purpose, proof = KINDS[kind]
    ahead = _ahead(look) if look else None
    to_owners = kind == Kind.GROUP_SEND
    return show(
        request,
        "hq/item_push.html",
        title=_("New push"),
        status=status,
        form=form,
        extras=extras,
        look=look,
        pieces=shown(look.attachments) if look else [],
        ahead=ahead,
        known=time_to_know_groups(owners=ahead.owners) if ahead and to_owners else None,
        post_look=LONGEST_WAIT,
        mark=mark,
        kind_label=Kind(kind).label,
        icon=icon,
        purpose=purpose,
        proof=proof,
        to_owners=to_owners,
        problem=problem,
    )


def _ahead(wanted: WantedItems) -> Any:
    """What it would come to, counted for the day on which it is handed out."""
    hand_out_at = max(wanted.hand_out_at or clock.now(), clock.now())
    places: dict[str, Any] = {
        "region_ids": [row.pk for row in wanted.regions],
        "store_ids": [row.pk for row in wanted.stores],
        "at": hours.next_within(hand_out_at, wanted.hand_out_from, wanted.hand_out_until),
    }
    if wanted.kind == Kind.GROUP_SEND:
        return selectors.group_send_ahead(**places)
    return selectors.guides_ahead(**places)


def items_context(push: TaskPush, actor: Actor) -> dict[str, Any]:
    """The result page of a push without customers: by store, and the photos that wait."""
    rows = selectors.item_results(push=push, actor=actor)
    total = selectors.total_of(rows)
    is_post = push.kind == Kind.MOMENTS
    answers = selectors.moment_results(push=push, actor=actor) if is_post else []
    waiting = (
        TaskItem.objects.visible_to(actor)
        .filter(push=push, state=State.TO_VERIFY)
        .select_related("store", "done_by")
        .order_by("submitted_at", "pk")[:SHOWN_PHOTOS]
    )
    sends = send_figures(source=push.source, actor=actor) if push.kind == Kind.GROUP_SEND else None
    return {
        "push": push,
        "timings": selectors.region_timings(push=push, actor=actor),
        "rows": rows,
        "total": total,
        "waiting": waiting,
        "excuses": selectors.item_excuses(push=push, actor=actor) if total.excused else [],
        "places": _places(push),
        "pieces": shown(push.attachments),
        "posts": MomentPost.objects.filter(source=push.source) if is_post else [],
        "answers": answers[:SHOWN_STORES],
        "answered": selectors.moment_total(answers) if answers else None,
        "sends": sends,
        "known": time_to_know_groups(owners=sends.owners) if sends and total.open else None,
        "post_look": LONGEST_WAIT if is_post and total.open else None,
        "taps": taps_of(source=push.source) if card_addresses(push.attachments) else None,
        "link_orders": post_link_orders(push=push) if push.attachments and actor.sees_all else None,
        "wave": uuid7(),
        "proof": KINDS[push.kind][2] if push.kind in KINDS else "",
        "is_draft": push.handed_out_at is None,
        "chase_at": _chase_at(push, actor) if total.open else "",
        **_allowed(push, actor, total),
    }


def _allowed(push: TaskPush, actor: Actor, total: selectors.ItemFigures) -> dict[str, bool]:
    """What this person may do with the push as it stands."""
    may_push = actor.can(Capability.PUSH_TASKS)
    may_lead = may_push and push.status == TaskPush.Status.HANDED_OUT
    return {
        "may_decide": actor.can(Capability.MANAGE_TEAM),
        "may_settle": actor.can(Capability.SETTLE_SENDS),
        "may_push": may_push,
        "may_remind": may_lead and push.kind == Kind.GROUP_SEND and total.open > 0,
        "may_extend": may_lead and push.kind not in CONFIRMED_IN_WECOM,
        "may_withdraw": may_lead and total.issued > total.done + total.excused,
    }


def _chase_at(push: TaskPush, actor: Actor) -> str:
    """Where this person reminds of the push; "" where they may not, or WeCom does it."""
    if push.status != TaskPush.Status.HANDED_OUT or push.kind == Kind.GROUP_SEND:
        return ""
    if actor.can(Capability.PUSH_TASKS):
        return reverse("hq:item_remind", args=[push.pk])
    return reverse("hq:push_chase", args=[push.pk]) if actor.can(Capability.MANAGE_TEAM) else ""


def _places(push: TaskPush) -> str:
    regions = [str(region) for region in push.regions.all()]
    stores = push.stores.count()
    parts = regions + ([_("%(n)s stores") % {"n": stores}] if stores else [])
    return "、".join(parts) or _("the whole chain")


@hq_action(Capability.PUSH_TASKS)
def item_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """撤回: what nobody has done is done by nobody any more."""
    push = get_object_or_404(TaskPush.objects.visible_to(actor_of(request)), pk=pk)
    try:
        taken = guide_tasks.withdraw_item_push(push=push, actor=actor_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Taken back: %(n)s open tasks.") % {"n": taken})
    return redirect("hq:push", pk=push.pk)


@hq_action(Capability.PUSH_TASKS)
def item_remind(request: HttpRequest, pk: int) -> HttpResponse:
    """催办: WeCom nudges every owner who has not confirmed; other work has a card of ours."""
    push = get_object_or_404(TaskPush.objects.visible_to(actor_of(request)), pk=pk)
    actor, now = actor_of(request), clock.now()
    try:
        if push.kind == Kind.GROUP_SEND:
            wave = request.POST.get("wave", "")[:40]
            n = guide_tasks.remind_owners(push=push, wave=wave, actor=actor, now=now)
            words = _("WeCom reminds of %(n)s messages.")
        else:
            n = guide_tasks.chase_items(push=push, actor=actor, now=now)
            words = _("Guides were reminded of %(n)s tasks.")
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, words % {"n": n})
    return redirect("hq:push", pk=push.pk)


def _seen_item(request: HttpRequest, pk: int) -> TaskItem:
    items = TaskItem.objects.visible_to(actor_of(request))
    return get_object_or_404(items.select_related("push"), pk=pk)


@hq_page(Capability.VIEW_PUSHES)
def item_photo(request: HttpRequest, pk: int) -> HttpResponse:
    """A photo that was handed in, for who may see its store."""
    item = _seen_item(request, pk)
    response = picture_response(str(item.photo))
    response.headers["Cache-Control"] = "private, no-store"
    return response


@hq_action(Capability.MANAGE_TEAM)
def item_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve a photo or send it back, where no store manager is left to do it."""
    item = _seen_item(request, pk)
    actor, now = actor_of(request), clock.now()
    try:
        if request.POST.get("what") == "approve":
            guide_tasks.approve_item(item=item, actor=actor, now=now)
            messages.success(request, _("Approved"))
        else:
            reason = request.POST.get("reason", "")[:200]
            guide_tasks.refuse_item(item=item, reason=reason, actor=actor, now=now)
            messages.success(request, _("Sent back with your reason"))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("hq:push", pk=item.push_id)
