"""Whose is the group by now: read off the group itself until it has its new owner.

The same look settles a call whose answer was lost: a group that still has its old owner after a
while was never handed over, and is called for once more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from apps.core import lease
from apps.core.wake import wake
from apps.customer_groups.models import CustomerGroup
from apps.customer_groups.services import keep_standing, mirror_group
from apps.handovers import reasons
from apps.handovers.models import HandoverGroup
from apps.handovers.services import settling
from apps.handovers.services.group_calls import held, write
from apps.handovers.services.group_planning import JOB
from apps.wecom.errors import WeComError
from apps.wecom.services.rounds import Round
from apps.wecom.shapes.groups import GroupDetail

log = structlog.get_logger(__name__)

LEASE_SECONDS = 120
BATCH = 50
PAUSES = [timedelta(minutes=m) for m in (2, 10, 60, 240, 720)]
# a lost call that does not show after so long was never made
SETTLE = timedelta(minutes=15)
# what WeCom took on has so long to happen
ACCEPTED_SHOWS = timedelta(hours=30)

State = HandoverGroup.State


def look_at_groups(*, now: datetime, limit: int = 1_000) -> int:
    """Read the groups that are on their way; returns how many have an end now."""
    run, seen, ended = Round(now), 0, 0
    while seen < limit:
        due = HandoverGroup.objects.filter(
            state__in=[State.WAITING, State.UNKNOWN], due_at__lte=run.moment()
        )
        token, ids = lease.claim(
            due.order_by("due_at", "pk"), now=run.moment(), seconds=LEASE_SECONDS, limit=BATCH
        )
        if not ids:
            break
        seen += len(ids)
        for one in _rows(ids):
            try:
                ended += _look(one, token, run)
            except Exception as error:  # its lease runs out; the others go on
                log.error("group_look_failed", row_id=one.pk, error=type(error).__name__)
    return ended


def _rows(ids: Sequence[int]) -> list[HandoverGroup]:
    rows = HandoverGroup.objects.filter(pk__in=ids)
    return list(rows.select_related("run__guide", "takeover", "group").order_by("pk"))


def _look(one: HandoverGroup, token: UUID, run: Round) -> bool:
    at = run.moment()
    try:
        detail = run.client(one.run.corp_id).get_group(one.group.chat_id)
    except WeComError:
        mine = lease.holds(HandoverGroup.objects.filter(pk=one.pk), token)
        mine.update(lease_token=None, lease_until=None, due_at=at + PAUSES[0])
        return False
    return _settle(one, token, detail, at)


@transaction.atomic
def _settle(one: HandoverGroup, token: UUID, detail: GroupDetail | None, at: datetime) -> bool:
    rows = held(one.run, [one.pk], token)
    if not rows or rows[0].state not in (State.WAITING, State.UNKNOWN):
        return False
    if not rows[0].group.is_living:
        ended = _end(rows, State.CANNOT, reasons.DISSOLVED, at)
    elif detail is None:  # WeCom does not show the groups of who has left
        ended = _still(rows[0], at)
    elif one.takeover is not None and detail.owner == one.takeover.wecom_userid:
        ended = _end(rows, State.DONE, "", at)
    elif detail.owner != one.run.guide.wecom_userid:
        ended = _end(rows, State.CANNOT, reasons.OTHER_OWNER, at)
    else:
        ended = _still(rows[0], at)
    if detail is not None and ended:
        _mirror(one, detail, at)
    settling.close_runs(run_ids=[one.run_id], now=at)
    return ended


def _end(rows: Sequence[HandoverGroup], state: str, reason: str, at: datetime) -> bool:
    write(rows, state=state, reason=reason, ended_at=at)
    return True


def _still(row: HandoverGroup, at: datetime) -> bool:
    """The old owner's still: too soon to say, never called for, or overdue."""
    since = row.called_at or at
    if row.state == State.WAITING and at >= since + ACCEPTED_SHOWS:
        return _end([row], State.LEFT, reasons.NO_RESULT, at)
    if row.state == State.UNKNOWN and at >= since + SETTLE:
        write([row], state=State.QUEUED, called_at=None, due_at=at, looks=0)
        wake(JOB)
        return False
    pause = PAUSES[min(row.looks, len(PAUSES) - 1)]
    write([row], looks=row.looks + 1, due_at=at + pause)
    return False


def _mirror(one: HandoverGroup, detail: GroupDetail, at: datetime) -> None:
    """Lists and sends follow at once, without waiting for the comparison at night."""
    corp_id = one.run.corp_id
    mirror_group(corp_id=corp_id, detail=detail, read_at=at)
    handed_on = detail.owner != one.run.guide.wecom_userid and one.run.has_left
    if handed_on:
        standing = int(CustomerGroup.Standing.HANDED_ON)
        keep_standing(corp_id=corp_id, standings={detail.chat_id: standing})
