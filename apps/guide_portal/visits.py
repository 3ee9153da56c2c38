"""巡店 as its pages show it: what is still to be done first, then what was seen."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_portal.cards import Chip
from apps.guide_portal.templatetags.portal import month_day, when
from apps.guide_tasks import hours
from apps.outreach import services as outreach
from apps.stores import selectors as stores
from apps.stores import visits
from apps.stores.models import Posting, Store, StoreVisit, VisitItem
from apps.stores.visits import Wanted


@dataclass(frozen=True, slots=True)
class ItemLine:
    """A follow-up item. `closing` is the word that closed it."""

    pk: int
    words: str
    who: str
    due: Chip
    is_open: bool
    closing: str


@dataclass(frozen=True, slots=True)
class VisitLine:
    head: str
    note: str
    items: list[ItemLine]


@dataclass(frozen=True, slots=True)
class VisitsPage:
    store: Store
    open: list[ItemLine]
    visits: list[VisitLine]
    people: list[tuple[int, str]]


def visits_page(*, store: Store, actor: Actor, now: datetime) -> VisitsPage:
    """A store's visits in four queries."""
    day = clock.business_day(now)
    posted = stores.posted_with_duty(store_ids=[store.pk], day=day)
    return VisitsPage(
        store=store,
        open=open_lines(store=store, actor=actor, now=now),
        visits=[_visit(row, now) for row in visits.visits_of(store_id=store.pk, actor=actor)],
        people=[(one.guide_id, one.guide.name) for one in posted],
    )


def open_lines(*, store: Store, actor: Actor, now: datetime) -> list[ItemLine]:
    """What visits left to do in a store, the first due first; one query."""
    return [_item(row, now) for row in visits.open_items(store_id=store.pk, actor=actor)]


def _visit(row: StoreVisit, now: datetime) -> VisitLine:
    return VisitLine(
        head=f"{row.written_by} · {when(row.created_at)}",
        note=row.note,
        items=[_item(item, now) for item in row.items.all()],
    )


def _item(row: VisitItem, now: datetime) -> ItemLine:
    late = (clock.business_day(now) - row.due_on).days
    until = _("by %(day)s") % {"day": month_day(row.due_on)}
    chip = Chip("clock", until)
    if row.closed_at is not None:
        chip = Chip("ok", _("Closed %(time)s") % {"time": when(row.closed_at)}, "ok")
    elif late > 0:
        chip = Chip("clock", _("%(n)s days overdue") % {"n": late}, "late")
    return ItemLine(
        pk=row.pk,
        words=row.words,
        who=row.guide.name if row.guide else _("the store"),
        due=chip,
        is_open=row.closed_at is None,
        closing=row.closing_word,
    )


@transaction.atomic
def keep(
    *,
    store: Store,
    note: str,
    items: Sequence[Wanted],
    actor: Actor,
    now: datetime,
    client_id: uuid.UUID,
) -> StoreVisit:
    """Keep a visit; the managers of the store hear that there is something to follow."""
    visit, is_new = visits.keep_visit(
        store=store, note=note, items=items, actor=actor, now=now, client_id=client_id
    )
    if is_new and items:
        managers = Posting.objects.on(clock.business_day(now)).filter(
            store=store, role=Posting.PostingRole.STORE_MANAGER, guide__status="active"
        )
        first = min(item.due_on for item in items)
        body = _("%(n)s things to follow, the first by %(day)s") % {
            "n": len(items),
            "day": month_day(first),
        }
        path = reverse("guide_portal:morning")
        outreach.queue_guide_notices(
            source=f"store_visit:{visit.pk}",
            rows=[
                (guide_id, _("Notes of a store visit"), body, path)
                for guide_id in managers.values_list("guide_id", flat=True)
            ],
            not_before=hours.for_cards(now),
            now=now,
        )
    return visit
