"""Owners' own sends to groups: listed by WeCom, then read one by one, as often as LOOKS says."""

from datetime import datetime

import structlog

from apps.customer_groups import services as groups
from apps.customer_groups.models import OwnerSend
from apps.wecom.errors import NotNow, WeComError
from apps.wecom.selectors import active_corps
from apps.wecom.services.rounds import Round
from apps.wecom.shapes.groups import GroupSendResult

BATCH = 200
LIMIT = 2_000  # sends of one run; the others are read in the next one

log = structlog.get_logger(__name__)


def read_owner_sends(*, now: datetime) -> int:
    """Read what owners sent to their groups without us; returns of how many groups are named.

    Reading changes nothing at WeCom, so it may be repeated. A corp that wants no call now is left
    alone for the rest of this run.
    """
    run = Round(now)
    for corp in active_corps():
        _list(corp.corp_id, run)
    done = 0
    asked: set[int] = set()
    while len(asked) < LIMIT:
        due = groups.due_owner_sends(
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
                done += _read(send, run)
    return done


def _list(corp_id: str, run: Round) -> None:
    try:
        listed = run.client(corp_id).list_own_group_sends(
            start=groups.listed_since(corp_id=corp_id, now=run.now), end=run.now
        )
    except WeComError as error:
        if isinstance(error, NotNow):
            run.resting.add(corp_id)
        log.warning("owner_sends_not_listed", corp_id=corp_id, error=error.code)
        return
    groups.note_listed(corp_id=corp_id, listed=listed, now=run.now)


def _read(send: OwnerSend, run: Round) -> bool:
    try:
        results = _ask(send, run)
    except WeComError as error:
        if isinstance(error, NotNow):
            run.resting.add(send.corp_id)
        elif not error.retryable:  # WeCom may tell of it at the next look
            groups.note_read(send=send, results=[], now=run.moment())
        log.warning("owner_send_not_read", send_id=send.pk, error=error.code)
        return False
    return groups.note_read(send=send, results=results, now=run.moment())


def _ask(send: OwnerSend, run: Round) -> list[GroupSendResult]:
    """The groups that have it. Results are asked for of an owner who has confirmed, of nobody else.
    Raises WeComError."""
    client, owner = run.client(send.corp_id), send.guide.wecom_userid
    tasks = client.list_send_tasks(msgid=send.msgid)
    if not any(task.sent for task in tasks if task.userid == owner):
        return []
    return client.list_group_send_results(msgid=send.msgid, userid=owner)
