"""联系我 codes: wanted in a row, made by a job, removed when they are old.

WeCom sends the code's `state` along when somebody adds the guide by it. The token in it is an
identity of the member, so the new friend is this member and nobody new.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from apps.core import lease, outbox
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.member_portal.models import ContactCode
from apps.members.invites import CONTACT_STATE
from apps.members.services.verification import give_contact_token
from apps.wecom.client import NO_CONTACT_WAY
from apps.wecom.errors import WeComError, plain_reason
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

MAKE_JOB = "member_portal.make_contact_codes"
LEASE_SECONDS = 60
BATCH = 20
PATIENCE = Patience(first=timedelta(seconds=10), most=timedelta(minutes=10), tries=6)
# WeCom keeps half a million codes for a corp
KEEP = timedelta(days=30)

State = ContactCode.State


@transaction.atomic
def want_code(*, member_id: int, guide_id: int, now: datetime) -> ContactCode:
    """The standing code of this member for this guide; wanted if there is none, and once more if
    WeCom would not make it."""
    code, created = ContactCode.objects.exclude(state=State.REMOVED).get_or_create(
        member_id=member_id,
        guide_id=guide_id,
        defaults={"token": secrets.token_hex(8), "not_before": now},
    )
    if created:
        give_contact_token(member_id=member_id, token=code.token, now=now)
    elif code.state == State.FAILED:
        code.state, code.attempts, code.not_before = State.WANTED, 0, now
        code.save(update_fields=["state", "attempts", "not_before"])
    if code.state == State.WANTED:
        wake(MAKE_JOB)
    return code


def make_codes(*, now: datetime, limit: int = 200) -> int:
    """Have WeCom make the wanted codes; return how many are there now."""
    run, made = Round(now), 0
    for token, ids in outbox.batches(
        ContactCode.objects.filter(state=State.WANTED).due,
        clock=run.moment,
        seconds=LEASE_SECONDS,
        batch=BATCH,
        limit=limit,
    ):
        for code in ContactCode.objects.filter(pk__in=ids).select_related("guide").order_by("pk"):
            with outbox.alone("contact_code_failed", contact_code_id=code.pk):
                made += _make(code, token, run)
    return made


def _make(code: ContactCode, token: UUID, run: Round) -> bool:
    assert PATIENCE.tries is not None
    if code.attempts >= PATIENCE.tries:  # whatever broke broke each of them
        code.settle(token, state=State.FAILED)
        return False
    # counted first: who breaks on it or dies over it has tried
    mine = lease.holds(ContactCode.objects.filter(pk=code.pk), token)
    if not mine.update(attempts=code.attempts + 1):
        return False
    try:
        way = run.client(code.guide.corp_id).add_contact_way(
            userid=code.guide.wecom_userid, state=f"{CONTACT_STATE}{code.token}"
        )
    except WeComError as error:
        _note_failure(code, token, error, run.moment())
        return False
    return code.settle(
        token,
        state=State.MADE,
        config_id=way.config_id,
        address=way.address,
        made_at=run.moment(),
        reason="",
    )


def _note_failure(code: ContactCode, token: UUID, error: WeComError, at: datetime) -> None:
    """A code that WeCom made and we do not know is never shown to anybody: ask again."""
    log.warning("contact_code_not_made", contact_code_id=code.pk, error=error.code)
    fate = fate_of(error, failed=code.attempts, patience=PATIENCE, at=at, harmless=True)
    state = State.FAILED if fate.over else State.WANTED
    code.settle(token, state=state, reason=plain_reason(error), **fate.again)


def remove_old_codes(*, now: datetime, limit: int = 500) -> int:
    """Take back codes past their keeping, so that WeCom's half million is never used up."""
    run, removed = Round(now), 0
    old = ContactCode.objects.filter(state=State.MADE, made_at__lt=now - KEEP)
    token, ids = lease.claim(
        old.order_by("made_at", "pk"), now=now, seconds=LEASE_SECONDS, limit=limit
    )
    for code in ContactCode.objects.filter(pk__in=ids).select_related("guide"):
        try:
            run.client(code.guide.corp_id).delete_contact_way(config_id=code.config_id)
        except WeComError as error:
            if error.errcode != NO_CONTACT_WAY:  # what is gone need not be taken back
                log.warning("contact_code_not_removed", contact_code_id=code.pk, error=error.code)
                continue
        removed += code.settle(token, state=State.REMOVED, address="")
    return removed


@transaction.atomic
def take_back_codes(*, member_ids: Sequence[int], now: datetime) -> None:
    """Nobody adds a guide as one of these members any more: what was not made is not wanted, what
    WeCom has is old to the next `remove_old_codes`."""
    mine = ContactCode.objects.filter(member_id__in=member_ids)
    mine.filter(state=State.MADE).update(made_at=now - 2 * KEEP)
    mine.filter(state__in=[State.WANTED, State.FAILED]).update(
        state=State.REMOVED, lease_token=None, lease_until=None
    )
