"""待审批: everything that waits for a manager's word, kind by kind. Another kind adds its line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts import modules
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.cases.models import ServiceCase
from apps.concessions.models import Concession
from apps.guide_portal import (
    access,
    claims,
    concessions,
    handovers,
    reassignments,
    stock_requests,
)
from apps.guide_portal.alerts import mismatch_rows
from apps.guide_portal.cards import Person
from apps.guide_portal.excuses import excuse_rows, item_excuse_rows
from apps.guide_portal.templatetags.portal import when
from apps.guide_tasks.models import TaskItem
from apps.guide_tasks.selectors import photos_to_approve
from apps.handovers.models import HandoverRun, OwnershipClaim, Reassignment
from apps.members.models import AccessRequest
from apps.outreach.models import ScriptProposal
from apps.reports.alerts import mismatches
from apps.stock.models import StockRequest

LISTED = 50


@dataclass(frozen=True, slots=True)
class Approval:
    """Something that waits for a manager's word. `template` draws it, `row` is what it needs."""

    kind: str
    template: str
    row: object


@dataclass(frozen=True, slots=True)
class PhotoRow:
    pk: int
    title: str
    person: Person
    words: str
    note: str
    photo: str


@dataclass(frozen=True, slots=True)
class ScriptRow:
    pk: int
    title: str
    person: Person
    words: str
    body: str


def _photo_row(item: TaskItem) -> PhotoRow:
    name = item.done_by.name if item.done_by else item.store.name
    return PhotoRow(
        pk=item.pk,
        title=item.push.title,
        person=Person(pk=item.done_by_id or item.store_id, public_id=None, name=name),
        words=_("%(store)s, handed in %(time)s")
        % {"store": item.store.name, "time": when(item.submitted_at)},
        note=item.note,
        photo=reverse("guide_portal:item_photo", args=[item.pk]),
    )


def _script_row(row: ScriptProposal) -> ScriptRow:
    return ScriptRow(
        pk=row.pk,
        title=row.name,
        person=Person(pk=row.guide_id, public_id=None, name=row.guide.name),
        words=_("%(store)s, handed in %(time)s")
        % {"store": row.store.name, "time": when(row.created_at)},
        body=row.body,
    )


def _photos(actor: Actor, now: datetime) -> QuerySet[TaskItem]:
    return photos_to_approve(actor=actor)


def _photo_rows(actor: Actor, now: datetime) -> list[PhotoRow]:
    return [_photo_row(item) for item in _photos(actor, now)[:LISTED]]


def _scripts(actor: Actor, now: datetime) -> QuerySet[ScriptProposal]:
    """What guides wrote for the library."""
    rows = ScriptProposal.objects.visible_to(actor).waiting()
    return rows if modules.is_on(modules.Module.SCRIPTS) else rows.none()


def _script_rows(actor: Actor, now: datetime) -> list[ScriptRow]:
    rows = _scripts(actor, now).select_related("guide", "store")
    return [_script_row(row) for row in rows.order_by("pk")[:LISTED]]


def _handovers(actor: Actor, now: datetime) -> QuerySet[HandoverRun]:
    """A leaver's customers for a store of another owner: the region's to allow."""
    rows: QuerySet[HandoverRun] = HandoverRun.objects.waiting_for(actor)
    return rows if actor.can(Capability.LEAD_REGION) else rows.none()


def _pieces(actor: Actor, now: datetime) -> QuerySet[StockRequest]:
    """调货 between stores of two owners."""
    rows: QuerySet[StockRequest] = StockRequest.objects.led_by(actor).waiting_for_region()
    return rows if actor.can(Capability.LEAD_REGION) else rows.none()


def _excuse_rows(actor: Actor, now: datetime) -> list[object]:
    """A share of 不适用 above the limit."""
    return [*excuse_rows(actor=actor, now=now), *item_excuse_rows(actor=actor, now=now)]


Rows = Callable[[Actor, datetime], Sequence[object]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """`waiting` is counted with all the other kinds' in one statement, and `rows` read where there
    are some; a kind without it is always read. What is `in_store` is nobody's who works in none."""

    template: str
    rows: Rows
    waiting: Callable[[Actor, datetime], QuerySet[Any]] | None
    in_store: bool = False


_AT = "guide_portal/partials/"
KINDS = {
    "photo": _Kind(f"{_AT}_approve_photo.html", _photo_rows, _photos, in_store=True),
    "script": _Kind(f"{_AT}_approve_script.html", _script_rows, _scripts, in_store=True),
    "access": _Kind(
        f"{_AT}_access_row.html",
        lambda actor, now: access.waiting_rows(actor=actor),
        lambda actor, now: AccessRequest.objects.waiting_for(actor),
        in_store=True,
    ),
    "claim": _Kind(
        f"{_AT}_claim_row.html",
        lambda actor, now: claims.waiting_rows(actor=actor, now=now),
        lambda actor, now: OwnershipClaim.objects.waiting_for(actor),
    ),
    "concession": _Kind(
        f"{_AT}_concession_row.html",
        lambda actor, now: concessions.waiting_rows(actor=actor),
        lambda actor, now: Concession.objects.waiting_for(actor),
    ),
    "reassignment": _Kind(
        f"{_AT}_questioned_row.html",
        lambda actor, now: reassignments.questioned_rows(actor=actor),
        lambda actor, now: Reassignment.objects.of_others(actor).questioned(),
        in_store=True,
    ),
    "excuses": _Kind(f"{_AT}_decide_excuses.html", _excuse_rows, None, in_store=True),
    "mismatch": _Kind(
        f"{_AT}_look_mismatch.html",
        lambda actor, now: mismatch_rows(actor=actor, now=now),
        lambda actor, now: mismatches(actor=actor, now=now),
        in_store=True,
    ),
    "handover": _Kind(
        f"{_AT}_decide_handover.html",
        lambda actor, now: handovers.waiting_rows(actor=actor),
        _handovers,
    ),
    "pieces": _Kind(
        f"{_AT}_owners_row.html",
        lambda actor, now: stock_requests.owners_rows(actor=actor, now=now),
        _pieces,
    ),
}


def _kinds_of(actor: Actor) -> dict[str, _Kind]:
    in_store = actor.guide_id is not None
    return {name: kind for name, kind in KINDS.items() if in_store or not kind.in_store}


def _waiting(actor: Actor, now: datetime) -> dict[str, QuerySet[Any]]:
    return {
        name: kind.waiting(actor, now)
        for name, kind in _kinds_of(actor).items()
        if kind.waiting is not None
    }


def _counted(named: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """Name → how many; what has none is left out. One query."""
    first, *others = [
        rows.order_by()
        .annotate(approval=Value(name))
        .values("approval")
        .annotate(n=Count("pk"))
        .values_list("approval", "n")
        for name, rows in named.items()
    ]
    return dict(first.union(*others, all=True))


@dataclass(frozen=True, slots=True)
class RegionWaits:
    """How much waits for who leads a region; of the complaints, how many are past their time."""

    approvals: int
    cases: int
    late: int


def region_waits(*, actor: Actor, now: datetime) -> RegionWaits:
    """One query."""
    led = ServiceCase.objects.led_by(actor)
    cases = {"cases": led.undecided(), "late": led.late(now)}
    found = _counted(_waiting(actor, now) | cases)
    return RegionWaits(
        cases=found.pop("cases", 0), late=found.pop("late", 0), approvals=sum(found.values())
    )


def approvals(*, actor: Actor, now: datetime) -> list[Approval]:
    """Everything that waits for the actor's word: a query, and the queries of each kind of which
    some wait."""
    some = _counted(_waiting(actor, now))
    return [
        Approval(name, kind.template, row)
        for name, kind in _kinds_of(actor).items()
        if kind.waiting is None or some.get(name)
        for row in kind.rows(actor, now)
    ]
