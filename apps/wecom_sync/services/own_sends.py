"""What guides sent by themselves, to customers and to their groups: listed by WeCom, then read one
by one, as often as each kind asks for."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog

from apps.customer_groups import services as groups
from apps.customer_groups.models import OwnerSend
from apps.outreach import services as outreach
from apps.outreach.models import GuideSend, OwnSend
from apps.outreach.services.polling import OWN_BEAT_SECONDS, OWN_SENDS_PER_BEAT
from apps.wecom.client import WeComClient
from apps.wecom.errors import NotNow, WeComError
from apps.wecom.selectors import active_corps
from apps.wecom.services.rounds import Round
from apps.wecom.shapes.mass_sends import MassSendFilter, MassSendListing, SendTask

BATCH = 200
SIDE_BY_SIDE = 4  # one at a time, the way to WeCom and back would be the limit, and not WeCom's
# the next run goes on with what this one leaves
RUN_FOR = timedelta(seconds=OWN_BEAT_SECONDS - 60)

log = structlog.get_logger(__name__)

Row = TypeVar("Row", bound=OwnSend)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The guide's own task, None while it is not confirmed, and what WeCom told of it. Without
    either it is WeCom's refusal."""

    task: SendTask | None = None
    results: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Row]):
    """How one kind is listed, asked about and written down. `ask` reads no database, it runs beside
    others, and raises WeComError; `note` returns whether it counts for somebody now."""

    model: type[Row]
    listed: Callable[[WeComClient, datetime, datetime], Sequence[MassSendListing]]
    ask: Callable[[WeComClient, Row], _Answer]
    note: Callable[[Row, _Answer, datetime], bool]


def read_owner_sends(*, now: datetime, limit: int = OWN_SENDS_PER_BEAT) -> int:
    """Read what owners sent to their groups without us; returns of how many groups are named."""
    return _read_all(_GROUPS, now, limit)


def read_guide_sends(*, now: datetime, limit: int = OWN_SENDS_PER_BEAT) -> int:
    """Read what guides sent to customers without us; returns how many were counted."""
    return _read_all(_CUSTOMERS, now, limit)


def _read_all(kind: _Kind[Row], now: datetime, limit: int) -> int:
    """Reading changes nothing at WeCom, so it may be repeated. A corp that wants no call now is
    left alone for the rest of this run."""
    run = Round(now)
    for corp in active_corps():
        _list(kind, corp.corp_id, run)
    done = 0
    asked: set[int] = set()
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        while len(asked) < limit and run.moment() - now < RUN_FOR:
            due = outreach.due_own_sends(
                kind.model,
                now=run.moment(),
                resting=run.resting,
                but=asked,
                limit=min(BATCH, limit - len(asked)),
            )
            if not due:
                break
            for start in range(0, len(due), SIDE_BY_SIDE):
                few = [
                    send
                    for send in due[start : start + SIDE_BY_SIDE]
                    if send.corp_id not in run.resting
                ]
                asked.update(send.pk for send in few)
                calls = [_ask(kind, send, n, run, pool) for n, send in enumerate(few)]
                for send, call in zip(few, calls, strict=True):
                    done += _note(kind, send, call, run)
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


def _ask(
    kind: _Kind[Row], send: Row, place: int, run: Round, pool: ThreadPoolExecutor
) -> "Future[_Answer]":
    try:
        return pool.submit(kind.ask, run.client(send.corp_id, place), send)
    except WeComError as error:
        unasked: Future[_Answer] = Future()
        unasked.set_exception(error)
        return unasked


def _note(kind: _Kind[Row], send: Row, call: "Future[_Answer]", run: Round) -> bool:
    try:
        return kind.note(send, call.result(), run.moment())
    except WeComError as error:
        if isinstance(error, NotNow):
            run.resting.add(send.corp_id)
        elif not error.retryable:  # WeCom may tell of it at the next look
            kind.note(send, _Answer(), run.moment())
        log.warning("own_send_not_read", send_id=send.pk, error=error.code)
        return False


def _task_of(client: WeComClient, send: OwnSend) -> SendTask | None:
    """The guide's own task once it is confirmed: results are asked for then, and of nobody else."""
    tasks = client.list_send_tasks(msgid=send.msgid)
    return next((one for one in tasks if one.sent and one.userid == send.guide.wecom_userid), None)


def _group_sends(client: WeComClient, start: datetime, end: datetime) -> list[MassSendListing]:
    return client.list_own_group_sends(start=start, end=end)


def _ask_of_groups(client: WeComClient, send: OwnerSend) -> _Answer:
    task = _task_of(client, send)
    if task is None:
        return _Answer()
    found = client.list_group_send_results(msgid=send.msgid, userid=task.userid)
    return _Answer(task, found)


def _note_groups(send: OwnerSend, answer: _Answer, now: datetime) -> bool:
    return groups.note_read(send=send, results=answer.results, now=now)


def _customer_sends(client: WeComClient, start: datetime, end: datetime) -> list[MassSendListing]:
    return client.list_mass_sends(start=start, end=end, filter_type=MassSendFilter.PERSONAL)


def _ask_of_customers(client: WeComClient, send: GuideSend) -> _Answer:
    task = _task_of(client, send)
    if task is None:
        return _Answer()
    return _Answer(task, client.list_send_results(msgid=send.msgid, userid=task.userid))


def _note_customers(send: GuideSend, answer: _Answer, now: datetime) -> bool:
    confirmed_at = (answer.task.sent_at or now) if answer.task else None
    return outreach.note_guide_send(
        send=send, confirmed_at=confirmed_at, results=answer.results, now=now
    )


_GROUPS = _Kind(OwnerSend, _group_sends, _ask_of_groups, _note_groups)
_CUSTOMERS = _Kind(GuideSend, _customer_sends, _ask_of_customers, _note_customers)
