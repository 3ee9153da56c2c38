"""Reads about the mirror: how each kind stands, what drifted of late, what a dry run found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from apps.accounts.actor import Actor
from apps.accounts.models import AuditEntry
from apps.members.models import FollowRelation, ServingPeriod
from apps.stores.models import Guide, Store
from apps.wecom_sync.models import Department, StoreMove, SyncRun

TREND_RUNS = 14
NEWCOMER_WAITS = "guide.newcomer_waits"
_LOOKED_AT = 400


@dataclass(frozen=True, slots=True)
class KindState:
    """One kind of one corp: its last run, the last dry run, and the drift of the runs before."""

    kind: str
    corp_id: str
    last: SyncRun | None
    rehearsal: SyncRun | None
    drift: tuple[int, ...]

    @property
    def left(self) -> int:
        """Differences that stand: what the last run did not heal, unless a dry run has found
        nothing since (an event or somebody's hand healed it)."""
        if self.last is None:
            return 0
        since = self.rehearsal if self.rehearsal and self.rehearsal.pk > self.last.pk else None
        if since is not None and since.state == SyncRun.State.DONE and not since.drift:
            return 0
        return self.last.left


def kind_states(*, kinds: Sequence[str], corp_ids: Sequence[str]) -> list[KindState]:
    """How every kind of every corp stands, in one query, by corp and kind."""
    runs: dict[tuple[str, str, bool], list[SyncRun]] = {}
    for run in SyncRun.objects.filter(corp_id__in=corp_ids).order_by("-pk")[:_LOOKED_AT]:
        runs.setdefault((run.corp_id, run.kind, run.dry), []).append(run)
    states = []
    for corp_id in corp_ids:
        for kind in kinds:
            real = runs.get((corp_id, kind, False), [])
            rehearsed = runs.get((corp_id, kind, True), [])
            whole = [run.drift for run in real if run.state == SyncRun.State.DONE]
            states.append(
                KindState(
                    kind=kind,
                    corp_id=corp_id,
                    last=real[0] if real else None,
                    rehearsal=rehearsed[0] if rehearsed else None,
                    drift=tuple(reversed(whole[:TREND_RUNS])),
                )
            )
    return states


# --- accounts given to somebody new --------------------------------------------------------------


def has_customers_still() -> Q:
    """Of guides who have left: whom they served or were friends with then and still are. What began
    later is of whoever has the account by now."""
    theirs = {"guide_id": OuterRef("pk"), "since__lt": OuterRef("left_at")}
    served = ServingPeriod.objects.current().filter(**theirs, member__erased_at=None)
    friends = FollowRelation.objects.current().filter(**theirs, member__erased_at=None)
    return Q(Exists(served)) | Q(Exists(friends))


def leavers_with_newcomer(*, corp_id: str = "") -> QuerySet[Guide]:
    """Leavers whose account WeCom gave to somebody new while they still had customers."""
    told = AuditEntry.objects.filter(
        object_type="stores.guide",
        object_id=Cast(OuterRef("pk"), CharField()),
        action=NEWCOMER_WAITS,
        at__gte=OuterRef("left_at"),
    )
    guides = Guide.objects.filter(Exists(told), status=Guide.Status.LEFT)
    return (guides.filter(corp_id=corp_id) if corp_id else guides).order_by("pk")


def newcomers_waiting(*, actor: Actor) -> list[Guide]:
    """Leavers whose customers have to be handed over before a newcomer can use the account. They
    work nowhere any more, so only who sees all sees them."""
    if not actor.sees_all:
        return []
    return list(leavers_with_newcomer().filter(has_customers_still()))


# --- departments ---------------------------------------------------------------------------------


def staff_compared_at() -> datetime | None:
    """When WeCom's staff was last compared to the end; nothing before the first time."""
    whole = SyncRun.objects.filter(
        kind=SyncRun.Kind.DEPARTMENTS, dry=False, state=SyncRun.State.DONE
    )
    return whole.aggregate(at=Max("finished_at"))["at"]


def open_moves(*, actor: Actor) -> list[StoreMove]:
    """Guides in another store's department about whom head office has not said what it means."""
    rows = StoreMove.objects.visible_to(actor).open().filter(guide__status="active")
    return list(rows.select_related("guide", "from_store", "to_store").order_by("seen_at", "pk"))


def departments(*, without_store: bool = False) -> QuerySet[Department]:
    """Departments by corp and number; only those that no store names, if asked."""
    rows = Department.objects.order_by("corp_id", "number")
    if not without_store:
        return rows
    # a store that names no corp is the only one's: the number alone says it
    named = Store.objects.filter(
        wecom_department_id=OuterRef("number"), corp_id__in=[OuterRef("corp_id"), ""]
    )
    return rows.filter(~Exists(named))


def stores_of_departments(rows: Sequence[Department]) -> dict[int, list[Store]]:
    """The stores that name each of these departments, by the department's own key; one query."""
    numbers = {row.number for row in rows}
    known: dict[int, list[Store]] = {}
    for store in Store.objects.filter(wecom_department_id__in=numbers).order_by("code"):
        known.setdefault(store.wecom_department_id or 0, []).append(store)
    return {
        row.pk: [one for one in known.get(row.number, []) if one.corp_id in ("", row.corp_id)]
        for row in rows
    }


def names_above(rows: Sequence[Department]) -> dict[int, str]:
    """The name of the department above each, by the department's own key; one query."""
    parents = Department.objects.filter(number__in={row.parent for row in rows})
    names = {(one.corp_id, one.number): one.name for one in parents}
    return {row.pk: names.get((row.corp_id, row.parent), "") for row in rows}


def stores_without_department() -> list[Store]:
    """Stores whose department WeCom does not show any more, once the corp's whole tree was read:
    an event tells of one department alone; one query."""
    read = SyncRun.objects.filter(kind=SyncRun.Kind.TREE, state=SyncRun.State.DONE, dry=False)
    shown = Department.objects.filter(number=OuterRef("wecom_department_id"))
    there = shown.filter(corp_id=OuterRef("corp_id"))
    named = Store.objects.exclude(wecom_department_id=None).filter(closed_on=None)
    of_a_corp = named.filter(Exists(read.filter(corp_id=OuterRef("corp_id"))), ~Exists(there))
    of_the_only_one = named.filter(Exists(read), ~Exists(shown), corp_id="")
    return list((of_a_corp | of_the_only_one).order_by("code"))
