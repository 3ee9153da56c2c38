"""Brings WeCom's codes and links to what our rows say: made, changed, taken back; a leased row at
a time.

Changing and taking back may be repeated. Making may not: `call_started_at` is committed first, and
a lost answer is settled by WeCom's own list (`ways.find`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.utils.translation import gettext

from apps.contact_codes import errors
from apps.contact_codes.models import ChannelCode
from apps.contact_codes.services import ways
from apps.contact_codes.services.duty import bar
from apps.contact_codes.services.ways import Undecided, Way
from apps.core import faults, lease, outbox
from apps.stores.models import Guide
from apps.wecom.errors import RateLimited, Refused, WeComError, plain_reason
from apps.wecom.services.rounds import Round

log = structlog.get_logger(__name__)

LEASE_SECONDS = 180
BATCH = 20
MAX_ATTEMPTS = 6
BACK_OFF = timedelta(seconds=30)
# a refusal that only a person or a new day mends is looked at again after this
REFUSED_AGAIN = timedelta(hours=6)
# after a lost answer: how long WeCom is given to show the code in its list
SETTLE = timedelta(seconds=30)
LOOKS = 3

Status = ChannelCode.Status


def push_codes(*, now: datetime, limit: int = 1000) -> int:
    """Tell WeCom what is due; returns how many codes are now as they should be.

    Any number of workers may run this at once, and any of them may die at any point.
    """
    run, done = Round(now), 0
    for token, ids in outbox.batches(
        ChannelCode.objects.due,
        clock=run.moment,
        seconds=LEASE_SECONDS,
        batch=BATCH,
        limit=limit,
    ):
        for code_id in ids:
            with outbox.alone("contact_code_failed", code_id=code_id):
                done += _settle(code_id, token, run)
    return done


def _settle(code_id: int, token: UUID, run: Round) -> bool:
    code = lease.holds(ChannelCode.objects.filter(pk=code_id), token).first()
    if code is None:
        return False
    try:
        if code.stopped_at is not None:
            return _take_back(code, token, run)
        if code.call_started_at is not None and not code.config_id:
            return _look_up(code, token, run)
        return _bring(code, token, run)
    except Undecided:
        reason = gettext("the reply was lost; WeCom's list is too long to be searched just now")
        code.settle(token, due_at=run.moment() + REFUSED_AGAIN, reason=reason)
    except RateLimited as error:
        wait = timedelta(seconds=error.retry_after)
        code.settle(token, due_at=run.moment() + wait, reason=plain_reason(error))
    except WeComError as error:
        _note_failure(code, token, error, run.moment())
    return False


# --- make and change -------------------------------------------------------------------------


def _bring(code: ChannelCode, token: UUID, run: Round) -> bool:
    users = list(code.wanted_users)
    if not users or (code.config_id and users == code.pushed_users):
        return _rest(code, token, users, run.moment())
    try:
        _tell(code, token, users, run)
    except Refused as error:
        if error.errcode == errors.GONE:
            return _make_again(code, token, run)
        if error.errcode not in errors.OF_PERSON:
            raise
        users = _tell_those_who_may(code, token, users, run, error)
    at = run.moment()
    # a new address has to be put into ads: that stays said until a person has read it
    says_more = code.is_link and code.errcode == errors.GONE
    said: dict[str, object] = {} if says_more else {"errcode": None, "reason": ""}
    return _rest(
        code, token, users, at,
        status=Status.MADE, pushed_users=users, pushed_at=at, attempts=0, **said,
    )  # fmt: skip


def _tell(code: ChannelCode, token: UUID, users: list[str], run: Round) -> None:
    """One call that gives the code these people; makes it if it is not there."""
    client = run.client(code.corp_id)
    if code.config_id:
        ways.change(client, code, users)
        return
    code.call_started_at = run.moment()
    if not _keep(code, token, call_started_at=code.call_started_at, status=Status.UNKNOWN):
        raise LeaseLost
    faults.point("contact_codes.call_started")
    with _certain(code, token):
        way = ways.make(client, code, users)
    faults.point("contact_codes.called")
    _take(code, token, way, users, run.moment())


class LeaseLost(Exception):
    """Another worker has the row."""


@contextmanager
def _certain(code: ChannelCode, token: UUID) -> Iterator[None]:
    """A call that certainly made nothing leaves nothing to be looked up."""
    try:
        yield
    except WeComError as error:
        if not error.outcome_unknown:
            code.call_started_at = None
            _keep(code, token, call_started_at=None, status=Status.WANTED)
        raise


def _take(code: ChannelCode, token: UUID, way: Way, users: list[str], at: datetime) -> None:
    """WeCom has it: keep its id at once, it is shown nowhere else."""
    code.config_id, code.address, code.pushed_users = way.config_id, way.address, users
    _keep(
        code, token, config_id=way.config_id, address=way.address, pushed_users=users,
        pushed_at=at, call_started_at=None, status=Status.MADE,
    )  # fmt: skip


def _tell_those_who_may(
    code: ChannelCode, token: UUID, users: list[str], run: Round, why: Refused
) -> list[str]:
    """WeCom refuses a whole code for one person: find who it is, leave them out, tell the rest.

    Raises the refusal when nobody is left.
    """
    good: list[str] = []
    guides = {g.wecom_userid: g for g in Guide.objects.filter(corp_id=code.corp_id,
                                                              wecom_userid__in=users)}  # fmt: skip
    for userid in users:
        try:
            _tell(code, token, [*good, userid], run)
        except Refused as error:
            if error.errcode not in errors.OF_PERSON:
                raise
            why = error
            if userid in guides:
                bar(guide=guides[userid], errcode=error.errcode or 0, now=run.moment())
        else:
            good.append(userid)
    if not good:
        raise why
    _keep(code, token, wanted_users=good)
    code.wanted_users = good
    return good


def _make_again(code: ChannelCode, token: UUID, run: Round) -> bool:
    """Somebody deleted it in WeCom. Posters lead to our page, so a new one takes its place."""
    return code.settle(
        token, status=Status.WANTED, config_id="", address="", pushed_users=[],
        call_started_at=None, due_at=run.moment(), errcode=errors.GONE,
        reason=errors.explained(errors.GONE, link=code.is_link),
    )  # fmt: skip


def _look_up(code: ChannelCode, token: UUID, run: Round) -> bool:
    """The answer to the making was lost: is there a code with our state?"""
    lost, at = code.call_started_at or run.moment(), run.moment()
    if at < lost + SETTLE:
        return code.settle(token, status=Status.UNKNOWN, due_at=lost + SETTLE)
    way = ways.find(run.client(code.corp_id), code, since=lost, until=at)
    if way is not None:
        _take(code, token, way, list(way.userids), at)
        return code.settle(token, due_at=at, reason="", attempts=0)
    if code.attempts + 1 < LOOKS:
        code.settle(token, attempts=code.attempts + 1, due_at=at + SETTLE * (code.attempts + 1))
        return False
    # it was never made: once more, from the beginning
    code.settle(token, status=Status.WANTED, call_started_at=None, attempts=0, due_at=at)
    return False


# --- take back -------------------------------------------------------------------------


def _take_back(code: ChannelCode, token: UUID, run: Round) -> bool:
    if code.call_started_at is not None and not code.config_id:
        settled = code.call_started_at + SETTLE  # the lost call may still be making it
        if run.moment() < settled:
            return code.settle(token, due_at=settled)
        client, at = run.client(code.corp_id), run.moment()
        way = ways.find(client, code, since=code.call_started_at, until=at)
        code.config_id = way.config_id if way else ""
    if code.config_id:
        ways.take_back(run.client(code.corp_id), code)
    return code.settle(
        token, status=Status.STOPPED, config_id="", address="", pushed_users=[],
        call_started_at=None, due_at=None, reason="", errcode=None,
    )  # fmt: skip


# --- writing -------------------------------------------------------------------------


def _keep(code: ChannelCode, token: UUID, **fields: object) -> bool:
    """Only while the lease is still ours; keeps it."""
    return bool(lease.holds(ChannelCode.objects.filter(pk=code.pk), token).update(**fields))


@transaction.atomic
def _rest(code: ChannelCode, token: UUID, users: list[str], at: datetime, **told: object) -> bool:
    """Nothing more to tell; who came, went or stopped the code meanwhile is told next."""
    mine = lease.holds(ChannelCode.objects.select_for_update(), token)
    row = mine.filter(pk=code.pk).first()
    if row is None:
        return False
    rests = row.wanted_users == users and row.stopped_at is None
    return code.settle(token, due_at=None if rests else at, **told)


def _note_failure(code: ChannelCode, token: UUID, error: WeComError, at: datetime) -> None:
    log.warning("contact_code_not_told", code_id=code.pk, error=error.code, errcode=error.errcode)
    if error.outcome_unknown and not code.config_id:
        code.settle(token, status=Status.UNKNOWN, due_at=at + SETTLE, reason=plain_reason(error))
        return
    attempts = code.attempts + 1
    later = error.retryable and attempts < MAX_ATTEMPTS
    fields: dict[str, object] = {} if code.config_id or later else {"status": Status.FAILED}
    if code.stopped_at is not None:
        fields = {}
    code.settle(
        token, attempts=attempts if later else 0, errcode=error.errcode,
        reason=errors.explained(error.errcode, link=code.is_link) or plain_reason(error),
        due_at=at + (BACK_OFF * 2**code.attempts if later else REFUSED_AGAIN), **fields,
    )  # fmt: skip
