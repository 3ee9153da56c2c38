"""The inbox is read: each event's effect and its closing commit together."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from apps.wecom import services as wecom
from apps.wecom.client import WeComClient, client_for
from apps.wecom.errors import CallbackLeaseLost
from apps.wecom.models import RawCallback
from apps.wecom_sync.card_events import CARD_HANDLERS
from apps.wecom_sync.group_events import GROUP_HANDLERS
from apps.wecom_sync.handlers import HANDLERS, Handler, happened
from apps.wecom_sync.staff_events import STAFF_HANDLERS

log = structlog.get_logger(__name__)

BATCH = 50
KNOWN = {**HANDLERS, **GROUP_HANDLERS, **CARD_HANDLERS, **STAFF_HANDLERS}


def handle_callbacks(*, now: datetime, limit: int = 2_000) -> int:
    """Interpret waiting events, oldest first; return how many were closed.

    One that fails waits for a later attempt and does not hold up the others.
    """
    closed, seen = 0, 0
    clients: dict[int, WeComClient] = {}
    while seen < limit:
        batch = wecom.claim_callbacks(now=now, limit=min(BATCH, limit - seen))
        if not batch.rows:
            break
        seen += len(batch.rows)
        for row in batch.rows:
            closed += _handle(row, batch.token, clients, now)
    return closed


def _handle(row: RawCallback, token: UUID, clients: dict[int, WeComClient], now: datetime) -> bool:
    handler = KNOWN.get((row.event, row.change_type))
    try:
        if handler is None:
            wecom.finish(row, token, ignored=True, note="no handler")
        else:
            _apply(row, token, handler, clients, now)
    except CallbackLeaseLost:
        return False
    except Exception as error:  # a bad event must not stop the good ones behind it
        log.warning("callback_failed", callback_id=row.pk, error=type(error).__name__)
        wecom.fail(row, token, error)
        return False
    return True


def _apply(
    row: RawCallback,
    token: UUID,
    handler: Handler,
    clients: dict[int, WeComClient],
    now: datetime,
) -> None:
    corp = row.endpoint.corp
    if corp.pk not in clients:
        clients[corp.pk] = client_for(corp)
    event = happened(row)
    detail = handler.look(clients[corp.pk], event)
    with transaction.atomic():
        nothing_because = handler.apply(event, detail, now)
        wecom.finish(row, token, ignored=bool(nothing_because), note=nothing_because)
