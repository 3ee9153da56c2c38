"""A complaint is written down: by who hears it, by head office, or by the system it came in by."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.cases.errors import CaseTaken, WorksNowhere
from apps.cases.models import CaseStep, Kind, ServiceCase
from apps.cases.services import news
from apps.cases.services.photos import add_photos
from apps.cases.services.steps import due_after, event_of, step_of, tidy
from apps.core import clock, pii
from apps.core.locks import take_turn
from apps.members.models import Member, ServingPeriod
from apps.stores.models import Posting
from apps.timeline import services as timeline


@dataclass(frozen=True, slots=True)
class NewCase:
    """One complaint as somebody tells it. `external_no` is its number at `source`, `client_id`
    that of the form: each is the same case when it comes again."""

    member_id: int
    store_id: int
    kind: str
    words: str
    order_id: int | None = None
    opened_at: datetime | None = None
    client_id: uuid.UUID | None = None
    source: str = ""
    external_no: str = ""


@transaction.atomic
def open_case(
    *,
    member_id: int,
    kind: str,
    words: str,
    order_id: int | None = None,
    store_id: int | None = None,
    client_id: uuid.UUID,
    photos: Sequence[bytes] = (),
    actor: Actor,
    now: datetime,
) -> ServiceCase:
    """Write a complaint down. For a guide it is the store's where they work today; head office
    names the store, else it is the one that serves TA. The same client id is the same case.

    Raises WordsMissing, NumberInWords, WorksNowhere, CaseTaken; with photos what `add_photos` does.
    """
    take_turn(str(client_id))
    known = ServiceCase.objects.filter(client_id=client_id).first()
    if known is not None:
        if (known.member_id, known.opened_by) != (member_id, actor.label):
            raise CaseTaken
        return _with_photos(known, photos, actor, now)
    if actor.guide_id is not None:
        store_id = _works_at(actor.guide_id, now)
    elif store_id is None:
        store_id = _serving_store(member_id)
    new = NewCase(
        member_id=member_id,
        store_id=store_id,
        kind=kind,
        words=tidy(words),
        order_id=order_id,
        client_id=client_id,
    )
    case = open_cases(cases=[new], actor=actor, now=now)[0]
    return _with_photos(case, photos, actor, now)


def _with_photos(
    case: ServiceCase, photos: Sequence[bytes], actor: Actor, now: datetime
) -> ServiceCase:
    if photos:
        add_photos(case_id=case.pk, raws=photos, actor=actor, now=now)
    return case


@transaction.atomic
def open_cases(*, cases: Sequence[NewCase], actor: Actor, now: datetime) -> list[ServiceCase]:
    """Keep complaints that are news, set-wise, and tell the stores' managers. The caller knows that
    none is known."""
    served = _serving([case.member_id for case in cases])
    due_at = due_after(now)
    rows = ServiceCase.objects.bulk_create(
        [
            ServiceCase(
                member_id=case.member_id,
                store_id=case.store_id,
                guide_id=served.get(case.member_id),
                order_id=case.order_id,
                kind=case.kind if case.kind in Kind.values else Kind.OTHER,
                words_enc=pii.seal(case.words),
                due_at=due_at,
                opened_by=actor.label,
                opened_at=case.opened_at or now,
                client_id=case.client_id,
                source=case.source,
                external_no=case.external_no,
            )
            for case in cases
        ]
    )
    CaseStep.objects.bulk_create(
        CaseStep(**step_of(row, before="", words="", actor=actor.label, at=row.opened_at))
        for row in rows
    )
    timeline.record_events(
        event_of(row, key=f"{row.label}:opened", actor=actor, at=row.opened_at) for row in rows
    )
    accounts.audit_each(
        actor=actor,
        action="case.opened",
        object_type="service_case",
        objects=[(row.pk, {"store": row.store_id, "kind": row.kind}) for row in rows],
    )
    news.opened(rows, by_guide=actor.guide_id, now=now)
    return rows


def _works_at(guide_id: int, now: datetime) -> int:
    posted = Posting.objects.on(clock.business_day(now)).filter(guide_id=guide_id)
    store_id: int | None = posted.values_list("store_id", flat=True).first()
    if store_id is None:
        raise WorksNowhere
    return store_id


def _serving_store(member_id: int) -> int:
    """The store that serves TA, else the one TA joined in."""
    person = Member.objects.get(pk=member_id)
    serving = ServingPeriod.objects.current().filter(member_id=person.survivor_id)
    store_id = serving.values_list("store_id", flat=True).first() or person.home_store_id
    if store_id is None:
        raise WorksNowhere
    return int(store_id)


def _serving(member_ids: Sequence[int]) -> dict[int, int]:
    """Who serves each of these now, whichever of a person's rows is meant."""
    people = dict(Member.objects.filter(pk__in=member_ids).values_list("pk", "survivor_id"))
    periods = ServingPeriod.objects.current().filter(member_id__in=set(people.values()))
    guides = dict(periods.values_list("member_id", "guide_id"))
    return {one: guides[person] for one, person in people.items() if person in guides}
