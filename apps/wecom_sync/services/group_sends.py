"""WeCom's word on sends to groups: which groups have the message, which owner is through."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from apps.customer_groups import services as groups
from apps.customer_groups.models import GroupSend
from apps.guide_tasks import services as guide_tasks
from apps.wecom.errors import NotNow, Refused, WeComError
from apps.wecom.services.rounds import Round

CANCELLED_ALREADY = 41093

log = structlog.get_logger(__name__)


def poll_group_sends(*, now: datetime) -> int:
    """Ask about due sends, cancel what was taken back; returns how many owners turned out to be
    through. A corp that wants no call now is left alone for the rest of this run."""
    run, done = Round(now), 0
    for token, sends in groups.claim_send_polls(run=run):
        for send in sends:
            try:
                done += _poll(send, token, run)
            except WeComError as error:
                if isinstance(error, NotNow):
                    run.resting.add(send.corp_id)
                groups.give_back_send(send=send, token=token, now=run.moment())
                log.warning("group_send_not_asked", send_id=send.pk, error=error.code)
            except Exception as error:  # one that cannot be applied must not stop the others
                log.error("group_send_not_applied", send_id=send.pk, error=type(error).__name__)
    return done


def _poll(send: GroupSend, token: UUID, run: Round) -> bool:
    if send.withdrawn_at is not None:
        return _end(send, token, run)
    sent, confirmed_at = _ask(send, run)
    at = run.moment()
    with transaction.atomic():
        noted = groups.note_send_asked(
            send=send, token=token, sent_chat_ids=sent, confirmed_at=confirmed_at, now=at
        )
        return noted and guide_tasks.record_group_sent(
            source=send.source, guide_id=send.guide_id, now=at
        )


def _ask(send: GroupSend, run: Round) -> tuple[list[str], datetime | None]:
    """The groups that have it, and when the owner confirmed. Results are asked for of an owner who
    has confirmed, of nobody else. Raises WeComError."""
    client, owner = run.client(send.corp_id), send.guide.wecom_userid
    tasks = client.list_send_tasks(msgid=send.msgid)
    tapped = next((task for task in tasks if task.userid == owner and task.sent), None)
    if tapped is None:
        return [], None
    rows = client.list_group_send_results(msgid=send.msgid, userid=owner)
    return [row.chat_id for row in rows], tapped.sent_at or run.moment()


def _end(send: GroupSend, token: UUID, run: Round) -> bool:
    """What was taken back is cancelled, then asked about once more: what is out counts."""
    stopped = False
    try:
        _cancel(send, run)
        stopped = True
        sent, confirmed_at = _ask(send, run)
    except WeComError as error:
        groups.put_off_cancel(send=send, token=token, error=error, run=run, stopped=stopped)
        return False
    with transaction.atomic():
        noted = groups.note_send_cancelled(
            send=send, token=token, sent_chat_ids=sent, confirmed_at=confirmed_at
        )
        return noted and guide_tasks.record_group_sent(
            source=send.source, guide_id=send.guide_id, now=run.moment()
        )


def _cancel(send: GroupSend, run: Round) -> None:
    try:
        run.client(send.corp_id).cancel_mass_send(msgid=send.msgid)
    except Refused as error:
        if error.errcode != CANCELLED_ALREADY:
            raise
