"""客诉 as the pages of stores show it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.cases import selectors
from apps.cases.models import Holder, Kind, ServiceCase, State
from apps.cases.services.photos import MOST
from apps.cases.services.settling import RESULTS
from apps.core.shown import Shown
from apps.guide_portal import links
from apps.guide_portal.appointments import shown_name, survivor_of
from apps.guide_portal.cards import Chip, due_chip, person_of
from apps.guide_portal.customers import find_customer, own_word, served
from apps.guide_portal.templatetags.portal import hour_minute, month_day
from apps.orders.models import Order
from apps.orders.selectors import OrderView, orders_of
from apps.stores.models import Guide

LISTED = 50
OFFERED_ORDERS = 5


@dataclass(frozen=True, slots=True)
class Row(Shown):
    """An open complaint on the customer's card, as a light row."""

    href: str
    name: str
    words: str
    due: Chip


@dataclass(frozen=True, slots=True)
class Line(Shown):
    href: str
    head: str
    words: str
    chip: Chip


@dataclass(frozen=True, slots=True)
class Part(Shown):
    head: str
    lines: list[Line]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Step(Shown):
    head: str
    words: str
    by: str


@dataclass(frozen=True, slots=True)
class Photo(Shown):
    pk: int
    href: str
    may_go: bool


@dataclass(frozen=True, slots=True)
class Detail(Shown):
    pk: int
    name: str
    # "" where TA's card is not the actor's to open
    card: str
    kind: str
    words: str
    order: str
    place: str
    guide: str
    holder: str
    chip: Chip
    result: str
    steps: list[Step]
    may_take: bool
    may_close: bool
    may_reopen: bool
    waits_for: str
    results: list[tuple[str, str]]
    photos: list[Photo]
    # how many more the actor may add
    room: int


def chip_of(case: ServiceCase, *, now: datetime) -> Chip:
    """The state as icon and word; what waits says until when."""
    if case.state == State.CLOSED:
        return Chip("ok", str(case.get_state_display()), "ok")
    return due_chip(case.due_at, now=now)


def rows_of_card(found: Iterable[dict[str, Any]], *, actor: Actor, now: datetime) -> list[Row]:
    """What is open about a customer, whoever wrote it down; a page behind it where the actor may
    see one."""
    kinds, states = dict(Kind.choices), dict(State.choices)
    return [
        Row(
            href=links.numbered("case", one["pk"]) if _may_see(one, actor) else "",
            name=_("Complaint: %(kind)s") % {"kind": kinds.get(one["what"], "")},
            words=f"{one['store']} · {states.get(one['state'], '')}",
            due=due_chip(one["at"], now=now),
        )
        for one in found
    ]


def _may_see(one: dict[str, Any], actor: Actor) -> bool:
    mine = one["guide_id"] == actor.guide_id or one["opened_by"] == actor.label
    return mine or one["store_id"] in actor.store_ids


def parts_of(*, actor: Actor, now: datetime) -> list[Part]:
    """What is past its time, what waits, the most urgent first, and what was closed lately; two
    queries. The store is named where there are several."""
    own: Exists | Value = Exists(served(actor).filter(pk=OuterRef("member__survivor_id")))
    if actor.guide_id is None:
        own = Value(False)  # a regional manager needs no name
    waiting, more = _cut(selectors.undecided(actor=actor).annotate(is_own=own))
    closed, more_closed = _cut(selectors.closed(actor=actor, now=now).annotate(is_own=own))
    late = [row for row in waiting if row.due_at <= now]
    in_time = waiting[len(late) :]
    several = len({row.store_id for row in (*waiting, *closed)}) > 1
    # they are listed by their time: what was cut off follows the last that is shown
    parts = [
        (_("Past their time"), late, more and not in_time),
        (_("Waiting or in hand"), in_time, more),
        (_("Closed in 30 days"), closed, more_closed),
    ]
    return [
        Part(
            head,
            [_line(row, actor, now, several=several) for row in rows],
            _("There are more; the first %(n)s are shown.") % {"n": LISTED} if cut else "",
        )
        for head, rows, cut in parts
        if rows
    ]


def _cut(rows: QuerySet[ServiceCase]) -> tuple[list[Any], bool]:
    """As many as are shown, and whether there are more."""
    found = list(rows[: LISTED + 1])
    return found[:LISTED], len(found) > LISTED


def _line(row: Any, actor: Actor, now: datetime, *, several: bool) -> Line:
    words = [row.store.name] if several else []
    words.append(str(row.get_kind_display()))
    if row.state == State.CLOSED:
        words.append(str(row.get_result_display()))
    else:
        words.append(str(row.get_state_display()))
    if row.guide is not None and row.guide_id != actor.guide_id:
        words.append(row.guide.name)
    return Line(
        href=links.numbered("case", row.pk),
        head=shown_name(row.member, whole=row.is_own),
        words=" · ".join(words),
        chip=chip_of(row, now=now),
    )


def detail_of(case: ServiceCase, *, actor: Actor, now: datetime) -> Detail:
    """One complaint with its history."""
    customer = survivor_of(case.member)
    # a regional manager settles it without the customer's name and card
    may_open = actor.guide_id is not None and bool(
        find_customer(actor=actor, public_id=customer.public_id)
    )
    settles = selectors.may_settle(case, actor)
    at_hq = case.holder == Holder.HQ and not case.is_closed
    mine = settles and not at_hq
    photos = list(case.photos.order_by("pk"))
    return Detail(
        pk=case.pk,
        name=shown_name(customer, whole=may_open),
        card=person_of(customer).href if may_open else "",
        kind=str(case.get_kind_display()),
        words=selectors.words_of(case),
        order=_order_words(case.order),
        place=case.store.name,
        guide=own_word(case.guide_id, case.guide.name, actor) if case.guide else "",
        holder=str(case.get_holder_display()),
        chip=chip_of(case, now=now),
        result=str(case.get_result_display()) if case.result else "",
        steps=_steps(case, actor),
        may_take=mine and case.state in (State.OPEN, State.REOPENED),
        may_close=mine and not case.is_closed,
        may_reopen=settles and case.is_closed,
        waits_for="" if mine or case.is_closed else _waits_for(at_hq),
        results=[(one.value, str(one.label)) for one in RESULTS],
        photos=[
            Photo(
                photo.pk,
                links.numbered("case_photo", photo.pk),
                may_go=not case.is_closed and selectors.may_take_back(photo, case, actor),
            )
            for photo in photos
        ],
        room=0 if case.is_closed else max(MOST - len(photos), 0),
    )


def _waits_for(at_hq: bool) -> str:
    if at_hq:
        return _("Head office has it in hand and tells you what came of it.")
    return _("Your manager has a card about it and closes it; you are told.")


def _order_words(order: Order | None) -> str:
    return f"{month_day(order.paid_at)} · {order.external_no}" if order else ""


def _steps(case: ServiceCase, actor: Actor) -> list[Step]:
    found = list(case.steps.order_by("at", "pk"))
    names = _names({step.actor for step in found} - {actor.label})
    return [
        Step(
            head=" · ".join(
                filter(None, [str(step.get_to_state_display()), str(step.get_result_display())])
            ),
            words=selectors.words_of(step),
            by=f"{_who(step.actor, names, actor)} · {month_day(step.at)} {hour_minute(step.at)}",
        )
        for step in found
    ]


def _names(labels: set[str]) -> dict[str, str]:
    """Guides and regional managers by their label; at most two queries."""
    guides = _numbers(labels, "guide:")
    users = _numbers(labels, "user:")
    names = {}
    if guides:
        found = Guide.objects.filter(pk__in=guides).values_list("pk", "name")
        names = {f"guide:{pk}": name for pk, name in found}
    if users:
        leads = User.objects.filter(pk__in=users, role=Role.REGION_MANAGER)
        names |= {
            f"user:{user.pk}": _("regional manager %(name)s") % {"name": user.get_full_name()}
            for user in leads
        }
    return names


def _numbers(labels: set[str], kind: str) -> list[int]:
    return [int(one.removeprefix(kind)) for one in labels if one.startswith(kind)]


def _who(label: str, names: dict[str, str], actor: Actor) -> str:
    if label == actor.label:
        return _("you")
    if label in names:
        return names[label]
    return _("head office") if label.startswith("user:") else _("system")


def offered_orders(*, member_ids: Sequence[int]) -> list[tuple[int, str]]:
    """TA's latest purchases, to name the one it is about."""
    found = orders_of(member_ids=member_ids, limit=OFFERED_ORDERS)
    return [(one.order_id, _bought(one)) for one in found if one.kind == Order.Kind.SALE]


def _bought(order: OrderView) -> str:
    goods = next((line.product for line in order.lines if line.product), "")
    return " · ".join(filter(None, [goods, month_day(order.paid_at)]))
