"""Customers come to a guide, or a colleague's work for some days: the guide has it in writing, from
whom, why and from when, and a card that leads there."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock, hours
from apps.handovers.models import HandoverItem, HandoverRun, Reassignment
from apps.members.models import ServingPeriod
from apps.members.services import handing_over
from apps.outreach.services.notices import GuideCard, queue_cards
from apps.stores import services as stores
from apps.stores.models import Cover, Guide, Store

Kind, State = Reassignment.Kind, Reassignment.State


def path_of(row: Reassignment) -> str:
    return f"/g/reassignments/{row.pk}/"


@transaction.atomic
def share_members(
    *,
    store: Store,
    member_ids: Collection[int],
    among: Collection[int],
    actor: Actor,
    now: datetime,
    gone: Guide | None = None,
    moved_from: Guide | None = None,
) -> int:
    """Give members to these guides of the store and ask each who got some to accept; `gone` is
    whose they were and who works there no more, `moved_from` who keeps others. Returns how many
    changed. Raises NobodyToServe."""
    changed = handing_over.share_members(
        store=store,
        member_ids=member_ids,
        among=among,
        reason=handing_over.HANDED_OVER if gone or moved_from else handing_over.ASSIGNED,
        actor=actor,
        now=now,
    )
    if changed:
        kind: str = Kind.HANDED_OVER if gone else Kind.MOVED_ON if moved_from else Kind.ASSIGNED
        rows = [
            _given(kind, guide_id, store, actor, now, n, from_guide=gone or moved_from)
            for guide_id, n in _begun(store, among, now)
            if guide_id != actor.guide_id
        ]
        _tell(Reassignment.objects.bulk_create(rows), now)
    return changed


def _begun(store: Store, among: Collection[int], now: datetime) -> Iterable[tuple[int, int]]:
    """What begins at this very moment was given by this act."""
    begun = ServingPeriod.objects.current().filter(store=store, guide_id__in=among, since=now)
    given = begun.order_by().values_list("guide_id").annotate(n=Count("pk"))
    return given.order_by("guide_id")


def _given(
    kind: str,
    guide_id: int,
    store: Store,
    actor: Actor,
    now: datetime,
    customers: int,
    **fields: Any,
) -> Reassignment:
    values = {"from_on": clock.business_day(now), **fields}
    return Reassignment(
        kind=kind,
        guide_id=guide_id,
        store=store,
        customers=customers,
        given_by=actor.label,
        given_at=now,
        **values,
    )


@transaction.atomic
def start_cover(
    *,
    store: Store,
    absent: Guide,
    covering: Guide,
    first: date,
    last: date,
    actor: Actor,
    now: datetime,
) -> Cover:
    """代班, and who covers is asked to accept. The same again is the same cover and no second card.

    Raises what `stores.services.start_cover` raises.
    """
    cover = stores.start_cover(
        store=store,
        absent=absent,
        covering=covering,
        first=first,
        last=last,
        actor=actor,
        now=now,
    )
    if covering.pk == actor.guide_id or Reassignment.objects.filter(cover=cover).exists():
        return cover
    served = ServingPeriod.objects.current().filter(guide=absent, store=store)
    row = _given(
        Kind.COVER,
        covering.pk,
        store,
        actor,
        now,
        served.count(),
        from_guide=absent,
        cover=cover,
        from_on=first,
        until_on=max(first, last),
    )
    row.save(force_insert=True)
    _tell([row], now)
    return cover


@transaction.atomic
def end_cover(*, cover: Cover, actor: Actor, now: datetime) -> None:
    """The absent guide is back; nobody is asked any more to accept what is over."""
    rows = Reassignment.objects.select_for_update().filter(cover_id=cover.pk)
    pks = list(rows.values_list("pk", flat=True))
    stores.end_cover(cover=cover, actor=actor, now=now)
    still_open = [State.WAITING, State.QUESTIONED]
    Reassignment.objects.filter(pk__in=pks, state__in=still_open).update(state=State.OVER)


def note_transfers(
    *, run: HandoverRun, items: Sequence[HandoverItem], actor: Actor, now: datetime
) -> None:
    """These customers of a handover have come to their successors. Who has not accepted those who
    came before accepts them together. In the caller's transaction; the same again adds nothing."""
    fresh: dict[int, list[HandoverItem]] = {}
    for one in items:
        if one.takeover_id is not None and one.reassignment_id is None:
            fresh.setdefault(one.takeover_id, []).append(one)
    told = []
    for guide_id, theirs in sorted(fresh.items()):
        if f"guide:{guide_id}" in (actor.label, run.started_by):
            continue
        row = _open_row(run, guide_id) or _given(
            Kind.TRANSFERRED, guide_id, run.to_store, actor, now, 0, from_guide=run.guide, run=run
        )
        if row.pk is None:
            # WeCom's answer brings them, but somebody wanted it
            row.given_by = run.started_by or actor.label
            row.save(force_insert=True)
        HandoverItem.objects.filter(pk__in=[one.pk for one in theirs]).update(reassignment=row)
        for one in theirs:
            one.reassignment = row
        mine = HandoverItem.objects.filter(reassignment=row)
        row.customers = mine.order_by().values("member_id").distinct().count()
        row.save(update_fields=["customers"])
        told.append(row)
    _tell(told, now)


def _open_row(run: HandoverRun, guide_id: int) -> Reassignment | None:
    """Nobody waits for it: two answers of WeCom at once may make two rows, each with its own."""
    rows = Reassignment.objects.select_for_update(skip_locked=True)
    return rows.filter(run=run, guide_id=guide_id, state=State.WAITING).order_by("pk").first()


def _tell(rows: Sequence[Reassignment], now: datetime) -> None:
    """One card for each, however often it is told."""
    start = hours.for_cards(now)
    queue_cards(
        cards=[
            GuideCard(row.guide_id, str(row), title_of(row), words_of(row), path_of(row), start)
            for row in rows
        ]
    )


def title_of(row: Reassignment) -> str:
    if row.is_cover:
        return _("You work for %(name)s") % {"name": _name(row)}
    return _("%(n)s customers are yours now") % {"n": row.customers}


def words_of(row: Reassignment) -> str:
    """Why, in a sentence."""
    if row.is_cover:
        days = {"name": _name(row), "a": f"{row.from_on:%m-%d}", "b": f"{row.until_on:%m-%d}"}
        return _("%(name)s is away from %(a)s to %(b)s: what falls due then comes to you.") % days
    words = {
        Kind.ASSIGNED: _("They had no guide. Your manager gave them to you: say hello."),
        Kind.HANDED_OVER: _("They were with %(name)s, who does not work there any more."),
        Kind.TRANSFERRED: _("They were with %(name)s and came over in WeCom: say hello."),
        Kind.MOVED_ON: _("They were with %(name)s. Your manager gave them to you: say hello."),
    }[Kind(row.kind)]
    return words % {"name": _name(row)} if row.from_guide_id else words


def _name(row: Reassignment) -> str:
    return row.from_guide.name if row.from_guide else ""
