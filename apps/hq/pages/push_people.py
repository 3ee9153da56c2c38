"""The masked people behind one number of a push's result, or of a draft's forecast."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core.ids import row_id
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks.models import NotIssued, PushForecast, TaskPush, TaskTarget
from apps.guide_tasks.services import places, pushes
from apps.hq.access import actor_of, hq_page, show
from apps.hq.pages.pushes import visible_push
from apps.hq.places import LINKED, linked_place, not_issued_place, place_words, target_place
from apps.hq.selectors import people
from apps.members.models import Member

PER_PAGE = 50
BY_OTHERS = "by_others"
_COLUMNS = {"region": "store__region_id", "store": "store_id", "guide": "guide_id"}


@hq_page(Capability.VIEW_PUSHES)
def push_people(request: HttpRequest, pk: int, place: str) -> HttpResponse:
    """The masked list behind one number of a result page."""
    actor = actor_of(request)
    push = visible_push(request, pk)
    title, page, notes = _place_rows(request, push, place, actor)
    return show(
        request,
        "hq/people.html",
        title=title,
        crumb=push.title,
        rows=people(notes, actor=actor, notes=notes),
        has_notes=any(notes.values()),
        note_title=_("State"),
        page=page,
        total=page.paginator.count,
        query="".join(f"{name}={value}&" for name, value in _within(request).items()),
    )


@hq_page(Capability.PUSH_TASKS)
def push_forecast(request: HttpRequest, pk: int, place: str) -> HttpResponse:
    """The masked list behind one number of a draft's forecast."""
    push = visible_push(request, pk)
    stored = get_object_or_404(PushForecast, push=push)
    ids = list(pushes.unpack(stored.places).get(place, ()))
    if not ids:
        raise Http404
    page = _page(ids, request)
    return show(
        request,
        "hq/people.html",
        title=place_words(place),
        crumb=push.title,
        rows=people(page, actor=actor_of(request)),
        page=page,
        total=len(ids),
    )


def _place_rows(
    request: HttpRequest, push: TaskPush, place: str, actor: Actor
) -> tuple[str, Any, dict[int, str]]:
    """Title, a page of the people, and each one's note by member id."""
    if place == BY_OTHERS:
        others = guide_tasks.sent_by_others(push=push, actor=actor).order_by("pk")
        page = _page(_narrowed(others, request), request)
        names = guide_tasks.senders_of(page)
        by = {row.member_id: _("sent by %(who)s") % {"who": names[row.pk]} for row in page}
        return _("Sent by somebody else than the guide"), page, by
    if place == "control":
        page = _page(_seen(list(guide_tasks.control_members(push)), actor), request)
        return place_words(places.CONTROL), page, dict.fromkeys(page, "")
    if (refused := not_issued_place(place)) is not None:
        title, condition = refused
        left_out = NotIssued.objects.visible_to(actor).filter(condition, push=push).order_by("pk")
        page = _page(left_out, request)
        return title, page, {row.member_id: row.sentence for row in page}
    found = linked_place(push) if place == LINKED else target_place(place)
    if found is None:
        raise Http404
    title, condition = found
    rows = TaskTarget.objects.visible_to(actor).filter(condition, push=push).order_by("pk")
    page = _page(_narrowed(rows, request), request)
    return title, page, {row.member_id: _note_of(row) for row in page}


def _page(rows: Any, request: HttpRequest) -> Any:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))


def _within(request: HttpRequest) -> dict[str, int]:
    """The region, store or guide whose share of a number is asked for."""
    asked = {name: row_id(request.GET.get(name, "")) for name in _COLUMNS}
    return {name: number for name, number in asked.items() if number}


def _narrowed(rows: QuerySet[TaskTarget], request: HttpRequest) -> QuerySet[TaskTarget]:
    return rows.filter(**{_COLUMNS[name]: value for name, value in _within(request).items()})


def _note_of(target: TaskTarget) -> str:
    facts = [str(target.get_state_display())]
    if target.excuse_sentence:
        facts.append(target.excuse_sentence)
    elif target.contact_grade:
        facts.append(str(target.get_contact_grade_display()))
    return " · ".join(facts)


def _seen(ids: list[int], actor: Actor) -> list[int]:
    if actor.sees_all:
        return ids
    seen = Member.objects.visible_to(actor).filter(pk__in=ids).order_by("pk")
    return list(seen.values_list("pk", flat=True))
