"""What guides sent by themselves, to customers and to their groups: listed by WeCom, then read one
by one, as often as each kind asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import structlog

from apps.customer_groups import services as groups
from apps.customer_groups.models import OwnerSend
from apps.outreach import services as outreach
from apps.outreach.models import GuideSend, OwnSend
from apps.wecom.client import WeComClient
from apps.wecom.errors import NotNow, WeComError
from apps.wecom.selectors import active_corps
from apps.wecom.services.rounds import Round
from apps.wecom.shapes.mass_sends import MassSendFilter, MassSendListing, SendTask

BATCH = 200
LIMIT = 2_000  # sends of one run; the others are read in the next one

log = structlog.get_logger(__name__)

Row = TypeVar("Row", bound=OwnSend)


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Row]):
    """How one kind is listed and read. `read` raises WeComError and returns whether it counts for
    somebody now; `refused` is what a last word of WeCom's leaves behind."""

    model: type[Row]
    listed: Callable[[WeComClient, datetime, datetime], Sequence[MassSendListing]]
    read: Callable[[WeComClient, Row, datetime], bool]
    refused: Callable[[Row, datetime], bool]


def read_owner_sends(*, now: datetime) -> int:
    """Read what owners sent to their groups without us; returns of how many groups are named."""
    return _read_all(_GROUPS, now)


def read_guide_sends(*, now: datetime) -> int:
    """Read what guides sent to customers without us; returns how many were counted."""
    return _read_all(_CUSTOMERS, now)


def _read_all(kind: _Kind[Row], now: datetime) -> int:
    """Reading changes nothing at WeCom, so it may be repeated. A corp that wants no call now is
    left alone for the rest of this run."""
    run = Round(now)
    for corp in active_corps():
        _list(kind, corp.corp_id, run)
    done = 0
    asked: set[int] = set()
    while len(asked) < LIMIT:
        due = outreach.due_own_sends(
            kind.model,
            now=run.moment(),
            resting=run.resting,
            but=asked,
            limit=min(BATCH, LIMIT - len(asked)),
        )
        if not due:
            break
        for send in due:
            if send.corp_id not in run.resting:
                asked.add(send.pk)
                done += _read(kind, send, run)
    return done


def _list(kind: _Kind[Row], corp_id: str, run: Round) -> None:
    since = outreach.listed_since(kind.model, corp_id=corp_id, now=run.now)
    try:
        listed = kind.listed(run.client(corp_id), since, run.now)
    except WeComError as error:
        if isinstance(error, NotNow):
            run.resting.add(corp_id)
        log.warning("own_sends_not_listed", corp_id=corp_id, error=error.code)
        return
    outreach.keep_listed(kind.model, corp_id=corp_id, listed=listed, now=run.now)


def _read(kind: _Kind[Row], send: Row, run: Round) -> bool:
    try:
        return kind.read(run.client(send.corp_id), send, run.moment())
    except WeComError as error:
        if isinstance(error, NotNow):
            run.resting.add(send.corp_id)
        elif not error.retryable:  # WeCom may tell of it at the next look
            kind.refused(send, run.moment())
        log.warning("own_send_not_read", send_id=send.pk, error=error.code)
        return False


def _task_of(client: WeComClient, send: OwnSend) -> SendTask | None:
    """The guide's own task once it is confirmed: results are asked for then, and of nobody else."""
    tasks = client.list_send_tasks(msgid=send.msgid)
    return next((one for one in tasks if one.sent and one.userid == send.guide.wecom_userid), None)


def _group_sends(client: WeComClient, start: datetime, end: datetime) -> list[MassSendListing]:
    return client.list_own_group_sends(start=start, end=end)


def _read_group_send(client: WeComClient, send: OwnerSend, now: datetime) -> bool:
    task = _task_of(client, send)
    results = client.list_group_send_results(msgid=send.msgid, userid=task.userid) if task else []
    return groups.note_read(send=send, results=results, now=now)


def _no_group_named(send: OwnerSend, now: datetime) -> bool:
    return groups.note_read(send=send, results=[], now=now)


def _customer_sends(client: WeComClient, start: datetime, end: datetime) -> list[MassSendListing]:
    return client.list_mass_sends(start=start, end=end, filter_type=MassSendFilter.PERSONAL)


def _read_customer_send(client: WeComClient, send: GuideSend, now: datetime) -> bool:
    task = _task_of(client, send)
    results = client.list_send_results(msgid=send.msgid, userid=task.userid) if task else []
    confirmed_at = (task.sent_at or now) if task else None
    return outreach.note_guide_send(send=send, confirmed_at=confirmed_at, results=results, now=now)


def _nobody_named(send: GuideSend, now: datetime) -> bool:
    return outreach.note_guide_send(send=send, confirmed_at=None, results=[], now=now)


_GROUPS = _Kind(OwnerSend, _group_sends, _read_group_send, _no_group_named)
_CUSTOMERS = _Kind(GuideSend, _customer_sends, _read_customer_send, _nobody_named)
