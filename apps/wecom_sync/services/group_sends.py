"""WeCom's word on sends to groups: which groups have the message, which owner is through."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from apps.customer_groups import services as groups
from apps.customer_groups.models import GroupSend
from apps.guide_tasks import services as guide_tasks
from apps.wecom.errors import NotNow, WeComError
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)


def poll_group_sends(*, now: datetime) -> int:
    """Ask about due sends; returns how many owners turned out to be through. A corp that wants no
    call now is left alone for the rest of this run."""
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
    """Results are asked for of an owner who has confirmed, of nobody else."""
    client, owner = run.client(send.corp_id), send.guide.wecom_userid
    tasks = client.list_send_tasks(msgid=send.msgid)
    tapped = next((task for task in tasks if task.userid == owner and task.sent), None)
    rows = client.list_group_send_results(msgid=send.msgid, userid=owner) if tapped else []
    at = run.moment()
    with transaction.atomic():
        noted = groups.note_send_asked(
            send=send,
            token=token,
            sent_chat_ids=[row.chat_id for row in rows],
            confirmed_at=(tapped.sent_at or at) if tapped else None,
            now=at,
        )
        return noted and guide_tasks.record_group_sent(
            source=send.source, guide_id=send.guide_id, now=at
        )
