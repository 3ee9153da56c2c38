"""The inbox, for the jobs that interpret it: claim, close, put back, give up, read again."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from apps.accounts.actor import Actor
from apps.accounts.services import audit
from apps.core import clock, lease
from apps.core.bites import delete_in_bites
from apps.core.errors import DomainError
from apps.core.wake import wake
from apps.wecom.errors import CallbackLeaseLost, NotNow, WeComError
from apps.wecom.models import RawCallback
from apps.wecom.services.bells import HANDLER_JOB, WELCOME_JOB, looking

LEASE_SECONDS = 60
MAX_ATTEMPTS = 8
BACK_OFF_SECONDS = 5
BACK_OFF_MAX_SECONDS = 3_600
KEEP_DAYS = 30
REPLAY_MOST = 100_000


@dataclass(frozen=True, slots=True)
class CallbackBatch:
    """Rows this worker holds until the lease runs out, oldest first."""

    token: UUID
    rows: tuple[RawCallback, ...]


def claim_callbacks(*, now: datetime, limit: int = 200) -> CallbackBatch:
    """Lease up to `limit` waiting callbacks. A row claimed too often without an end is given up.

    What a lost worker held comes back one row at a time: if one of them kills workers, it does so
    alone, and the others of its batch are not given up with it.
    """
    looking(HANDLER_JOB)
    with transaction.atomic():
        _give_up_the_hopeless(now=now)
        due = RawCallback.objects.due(now=now).order_by("pk")
        suspects = due.filter(status=RawCallback.Status.PROCESSING)
        token, ids = lease.claim(suspects, now=now, seconds=LEASE_SECONDS, limit=1)
        if not ids:
            token, ids = lease.claim(due, now=now, seconds=LEASE_SECONDS, limit=limit)
        if ids:
            RawCallback.objects.filter(pk__in=ids).mark_processing()
    rows = RawCallback.objects.filter(pk__in=ids).select_related("endpoint__corp").order_by("pk")
    return CallbackBatch(token=token, rows=tuple(rows))


def hold_greeting(*, limit: int = 100) -> tuple[RawCallback, ...]:
    """Callbacks whose welcome code nobody has taken yet, locked; call inside a transaction, and
    `greeted` at its end. Whatever else waits in the inbox does not stand before them."""
    looking(WELCOME_JOB)
    rows = RawCallback.objects.filter(greets=True).order_by("pk")
    locked = rows.select_for_update(of=("self",), skip_locked=True)
    return tuple(locked.select_related("endpoint__corp")[:limit])


def greeted(rows: Collection[RawCallback]) -> None:
    """Their welcome codes are taken; what the events mean is read by the usual job."""
    RawCallback.objects.filter(pk__in=[row.pk for row in rows]).update(greets=False)


def _give_up_the_hopeless(*, now: datetime) -> None:
    """Rows whose handling killed the worker each time: no `fail` was ever heard."""
    RawCallback.objects.filter(
        Q(lease_until__lt=now), status=RawCallback.Status.PROCESSING, attempts__gte=MAX_ATTEMPTS
    ).update(
        status=RawCallback.Status.DEAD,
        last_error="worker lost",
        lease_token=None,
        lease_until=None,
    )


def finish(row: RawCallback, token: UUID, *, ignored: bool = False, note: str = "") -> None:
    """Close the row. Call it in the transaction of the effect, so that both commit or neither.

    `note` says why a row was ignored.

    Raises CallbackLeaseLost when another worker holds the row now.
    """
    if not _close([row.pk], token, ignored=ignored, note=note):
        raise CallbackLeaseLost("Another worker took this callback over.")


def finish_all(notes: Mapping[int, str], token: UUID) -> None:
    """Close many rows, by id; whoever has a note was ignored because of it. As `finish`: all of
    them are still held, or nothing of the transaction may stay.

    Raises CallbackLeaseLost when another worker holds one of them now.
    """
    rows_of: dict[str, list[int]] = {}
    for pk, note in notes.items():
        rows_of.setdefault(note, []).append(pk)
    closed = sum(
        _close(ids, token, ignored=bool(note), note=note) for note, ids in sorted(rows_of.items())
    )
    if closed != len(notes):
        raise CallbackLeaseLost("Another worker took some of these callbacks over.")


def _close(ids: list[int], token: UUID, *, ignored: bool, note: str) -> int:
    held = RawCallback.objects.filter(pk__in=ids).held_by(token=token)
    return held.update(
        status=RawCallback.Status.IGNORED if ignored else RawCallback.Status.DONE,
        handled_at=clock.now(),
        last_error=note[:200],
        lease_token=None,
        lease_until=None,
    )


@transaction.atomic
def fail(row: RawCallback, token: UUID, error: BaseException | str) -> None:
    """Put the row back with a growing pause, or give it up after the last attempt; whose turn at
    WeCom has not come is put off.

    Nothing happens when the lease is lost: the row is somebody else's now.
    """
    if isinstance(error, NotNow):
        put_off([row.pk], token, error)
        return
    held = RawCallback.objects.select_for_update().filter(pk=row.pk).held_by(token=token).first()
    if held is None:
        return
    dead = held.attempts >= MAX_ATTEMPTS
    held.status = RawCallback.Status.DEAD if dead else RawCallback.Status.RECEIVED
    held.last_error = _describe(error)
    held.not_before = clock.now() + _pause(held.attempts)
    held.lease_token = held.lease_until = None
    held.save(update_fields=["status", "last_error", "not_before", "lease_token", "lease_until"])


def put_off(ids: Collection[int], token: UUID, error: NotNow) -> None:
    """Let rows wait for their turn at WeCom, one statement; no call was made, so none of them has
    had an attempt."""
    pause = timedelta(seconds=error.retry_after * random.uniform(1, 1.5))
    RawCallback.objects.filter(pk__in=ids).held_by(token=token).update(
        status=RawCallback.Status.RECEIVED,
        attempts=F("attempts") - 1,
        last_error=_describe(error),
        not_before=clock.now() + pause,
        lease_token=None,
        lease_until=None,
    )


def give_back(ids: Collection[int], token: UUID) -> int:
    """Rows whose turn did not come while they were held: as if nobody had taken them."""
    held = RawCallback.objects.filter(pk__in=ids).held_by(token=token)
    return lease.release(
        held, token=token, status=RawCallback.Status.RECEIVED, attempts=F("attempts") - 1
    )


def _pause(attempts: int) -> timedelta:
    longest = min(BACK_OFF_SECONDS * 2 ** max(attempts - 1, 0), BACK_OFF_MAX_SECONDS)
    return timedelta(seconds=longest * random.uniform(0.5, 1))


def _describe(error: BaseException | str) -> str:
    """Kind and code only: the text of a foreign exception may quote a person's data."""
    if isinstance(error, str):
        return error[:200]
    name = type(error).__name__
    if isinstance(error, WeComError) and error.errcode is not None:
        return f"{name} {error.errcode}"
    return f"{name} {error.code}" if isinstance(error, DomainError) else name


@transaction.atomic
def replay(*, ids: Collection[int], actor: Actor) -> int:
    """Let the job read these callbacks again; rows in work stay as they are."""
    rows = RawCallback.objects.filter(pk__in=ids).exclude(status=RawCallback.Status.PROCESSING)
    replayed = rows.put_back(now=clock.now())
    audit(
        actor=actor,
        action="wecom.replay_callbacks",
        object_type="wecom.rawcallback",
        detail={"ids": sorted(ids), "replayed": replayed},
    )
    wake(HANDLER_JOB)
    return replayed


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which callbacks to read again: received in this span, of this event, given up for this
    reason. Empty means any. `handled` takes those too that were handled or were not for us."""

    since: datetime | None = None
    until: datetime | None = None
    event: str = ""
    change_type: str = ""
    reason: str = ""
    handled: bool = False

    def rows(self) -> QuerySet[RawCallback]:
        over = [RawCallback.Status.DEAD]
        if self.handled:
            over += [RawCallback.Status.DONE, RawCallback.Status.IGNORED]
        given: dict[str, Any] = {
            "received_at__gte": self.since,
            "received_at__lt": self.until,
            "event": self.event,
            "change_type": self.change_type,
            "last_error": self.reason,
        }
        wanted = {name: value for name, value in given.items() if value}
        return RawCallback.objects.filter(status__in=over, **wanted)


@transaction.atomic
def replay_chosen(*, chosen: Chosen, actor: Actor) -> int:
    """Let the job read all of these again, at most REPLAY_MOST of them, oldest first; one
    statement. Returns how many."""
    oldest = chosen.rows().order_by("pk").values("pk")[:REPLAY_MOST]
    replayed = RawCallback.objects.filter(pk__in=oldest).put_back(now=clock.now())
    audit(
        actor=actor,
        action="wecom.replay_callbacks",
        object_type="wecom.rawcallback",
        detail={
            "since": chosen.since.isoformat() if chosen.since else "",
            "until": chosen.until.isoformat() if chosen.until else "",
            "event": chosen.event,
            "change_type": chosen.change_type,
            "reason": chosen.reason,
            "handled": chosen.handled,
            "replayed": replayed,
        },
    )
    wake(HANDLER_JOB)
    return replayed


def forget_old_callbacks(*, now: datetime) -> int:
    """Delete finished callbacks after KEEP_DAYS; returns how many went."""
    over = RawCallback.objects.exclude(status__in=["received", "processing"])
    return delete_in_bites(over.filter(received_at__lt=now - timedelta(days=KEEP_DAYS)))
