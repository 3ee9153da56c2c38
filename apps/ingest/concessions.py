"""What a till may do for somebody beyond the terms: asked before the sale or the return."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.accounts.actor import Actor
from apps.concessions.models import Concession
from apps.concessions.selectors import counting_at
from apps.core import clock
from apps.ingest.services import StoreUnknown, asked_person, asking_store
from apps.members.selectors import survivor_group


@dataclass(frozen=True, slots=True)
class Granted:
    """Who was asked for, by the public id that the order may name, and what counts for them."""

    member: UUID
    concessions: list[Concession]


def check_concessions(
    *,
    member: UUID | None,
    member_identity: tuple[str, str, str] | None,
    store_code: str,
    now: datetime,
    actor: Actor,
) -> Granted | None:
    """What counts at this store's till today; None for who is not known. Changes nothing: the order
    uses it. Raises StoreUnknown."""
    store_id = asking_store(code=store_code, actor=actor)
    if store_id is None:
        raise StoreUnknown
    person = asked_person(member=member, member_identity=member_identity)
    if person is None:
        return None
    survivor_id, public_id = person
    found = counting_at(
        store_id=store_id, member_ids=survivor_group(survivor_id), day=clock.business_day(now)
    )
    return Granted(public_id, found)
