"""The inbox is read: each event's effect and its closing commit together.

Events of friends are most of it and are read as sets; all others one by one.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from time import monotonic
from uuid import UUID

import structlog
from django.db import transaction

from apps.core.wake import wake
from apps.wecom import services as wecom
from apps.wecom.client import WeComClient, client_for
from apps.wecom.errors import CallbackLeaseLost
from apps.wecom.models import Corp, RawCallback
from apps.wecom.services.bells import HANDLER_JOB
from apps.wecom_sync.card_events import CARD_HANDLERS
from apps.wecom_sync.group_events import GROUP_HANDLERS
from apps.wecom_sync.handlers import HANDLERS, Handler, happened
from apps.wecom_sync.services.friends import FRIEND_EVENTS, read_friends
from apps.wecom_sync.staff_events import STAFF_HANDLERS

log = structlog.get_logger(__name__)

BATCH = 100
# leases run from the run's own `now`: what is not read well before their end is given back, or
# another worker would take it up beside this one
READ_FOR = wecom.LEASE_SECONDS * 2 / 3
KNOWN = {**HANDLERS, **GROUP_HANDLERS, **CARD_HANDLERS, **STAFF_HANDLERS}

ClientOf = Callable[[Corp], WeComClient]


def handle_callbacks(*, now: datetime, limit: int = 2_000) -> int:
    """Interpret waiting events, oldest first; return how many were closed.

    One that fails waits for a later attempt and does not hold up the others.
    """
    closed, seen = 0, 0
    client_of = _clients()
    until = monotonic() + READ_FOR
    while seen < limit:
        batch = wecom.claim_callbacks(now=now, limit=min(BATCH, limit - seen))
        if not batch.rows:
            break
        seen += len(batch.rows)
        open_rows = {row.pk for row in batch.rows}
        for rows in _in_order(batch.rows):
            if monotonic() >= until:
                wecom.give_back(open_rows, batch.token)
                wake(HANDLER_JOB)
                return closed
            closed += _read(rows, batch.token, client_of, now)
            open_rows -= {row.pk for row in rows}
    return closed


def _read(rows: list[RawCallback], token: UUID, client_of: ClientOf, now: datetime) -> int:
    if _kind(rows[0]) in FRIEND_EVENTS:
        return read_friends(rows=rows, token=token, client_of=client_of, now=now)
    return sum(_handle(row, token, client_of, now) for row in rows)


def _in_order(batch: Iterable[RawCallback]) -> Iterator[list[RawCallback]]:
    """Events of friends as sets, each other event alone."""
    for rows in _stretches(batch):
        friends = [row for row in rows if _kind(row) in FRIEND_EVENTS]
        if friends:
            yield friends
        yield from ([row] for row in rows if _kind(row) not in FRIEND_EVENTS)


def _kind(row: RawCallback) -> tuple[str, str]:
    return row.event, row.change_type


def _clients() -> ClientOf:
    """One client for each corp, made when it is needed."""
    clients: dict[int, WeComClient] = {}

    def client_of(corp: Corp) -> WeComClient:
        if corp.pk not in clients:
            clients[corp.pk] = client_for(corp)
        return clients[corp.pk]

    return client_of


def _stretches(rows: Iterable[RawCallback]) -> Iterator[list[RawCallback]]:
    """What is read together. Who comes to work or leaves is read in its place: it decides whose
    friends the others are."""
    waiting: list[RawCallback] = []
    for row in rows:
        if _kind(row) in STAFF_HANDLERS:
            yield waiting
            yield [row]
            waiting = []
        else:
            waiting.append(row)
    yield waiting


def _handle(row: RawCallback, token: UUID, client_of: ClientOf, now: datetime) -> bool:
    handler = KNOWN.get(_kind(row))
    try:
        if handler is None:
            wecom.finish(row, token, ignored=True, note="no handler")
        else:
            _apply(row, token, handler, client_of, now)
    except CallbackLeaseLost:
        return False
    except Exception as error:  # a bad event must not stop the good ones behind it
        log.warning("callback_failed", callback_id=row.pk, error=type(error).__name__)
        wecom.fail(row, token, error)
        return False
    return True


def _apply(
    row: RawCallback, token: UUID, handler: Handler, client_of: ClientOf, now: datetime
) -> None:
    event = happened(row)
    detail = handler.look(client_of(row.endpoint.corp), event)
    with transaction.atomic():
        nothing_because = handler.apply(event, detail, now)
        wecom.finish(row, token, ignored=bool(nothing_because), note=nothing_because)
