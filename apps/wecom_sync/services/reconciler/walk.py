"""A run at work: begun or taken up again, its lease, its figures, how far it came.

A kind is compared in chunks. What a chunk heals, its figures and the position behind it commit
together, so a run that is killed at any line goes on behind the last chunk that stands. WeCom's
cursors expire, so a position is one of our own ids.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from apps.core import clock
from apps.core.errors import DomainError
from apps.wecom.client import WeComClient
from apps.wecom.errors import WeComError
from apps.wecom.models import Corp
from apps.wecom_sync.errors import AlreadyRunning, RunLost
from apps.wecom_sync.models import SyncRun

LEASE = timedelta(minutes=10)
# a run that failed on its way is taken up again for so long; after that everything is compared anew
GOES_ON_FOR = timedelta(hours=12)
MOST_EXAMPLES = 50
_FIGURES = ("seen", "missing_here", "missing_there", "differing", "healed", "parts", "parts_done")

State = SyncRun.State


class Walk:
    """What a kind's comparison is given: whom to ask, where to begin, where to count."""

    def __init__(self, *, run: SyncRun, corp: Corp, client: WeComClient, now: datetime) -> None:
        self.run, self.corp, self.client, self.now = run, corp, client, now

    @property
    def dry(self) -> bool:
        """Count and give examples, but write nothing."""
        return self.run.dry

    @property
    def position(self) -> str:
        """Everything up to here has been compared; empty at the beginning."""
        return self.run.position

    def count(
        self,
        *,
        seen: int = 0,
        missing_here: int = 0,
        missing_there: int = 0,
        differing: int = 0,
        healed: int = 0,
    ) -> None:
        """Inside a chunk: how many were looked at, and which were not the same on both sides."""
        self.run.seen += seen
        self.run.missing_here += missing_here
        self.run.missing_there += missing_there
        self.run.differing += differing
        self.run.healed += healed

    def example(self, what: str, **facts: Any) -> None:
        """Of a dry run: one thing it would do. Ids and names of places, never of customers."""
        told = sum(1 for one in self.run.examples if one["what"] == what)
        if self.dry and told < MOST_EXAMPLES:
            self.run.examples.append({"what": what, **facts})

    @contextmanager
    def chunk(self, *, position: str = "", parts: int = 0) -> Iterator[None]:
        """One transaction: what is healed inside, the figures and the new position stand together.

        `parts` of the run are done with it. Raises RunLost when another worker has taken over.
        """
        with transaction.atomic():
            yield
            self.run.parts_done += parts
            self.run.position = position or self.run.position
            self._beat()

    def _beat(self) -> None:
        run = self.run
        figures = {name: getattr(run, name) for name in _FIGURES}
        held = held_by(run).filter(state=State.RUNNING)
        until = max(clock.now(), self.now) + LEASE
        if not held.update(
            lease_until=until, position=run.position, examples=run.examples, **figures
        ):
            raise RunLost()


def held_by(run: SyncRun) -> QuerySet[SyncRun]:
    """The run, if its lease is still ours."""
    return SyncRun.objects.filter(pk=run.pk, lease_token=run.lease_token)


@transaction.atomic
def begin(*, corp: Corp, kind: str, now: datetime, dry: bool) -> SyncRun:
    """A new run, or the last one where it stopped. Raises AlreadyRunning."""
    last = (
        SyncRun.objects.select_for_update()
        .filter(corp_id=corp.corp_id, kind=kind, dry=dry)
        .order_by("-pk")
        .first()
    )
    if last is not None and last.state == State.RUNNING:
        if last.lease_until is not None and last.lease_until >= now:
            raise AlreadyRunning()
        return _take_up(last, now)
    stopped = last is not None and last.state == State.FAILED and last.position
    if last is not None and stopped and now - last.started_at < GOES_ON_FOR:
        return _take_up(last, now)
    try:
        with transaction.atomic():
            return SyncRun.objects.create(
                corp_id=corp.corp_id,
                kind=kind,
                dry=dry,
                started_at=now,
                lease_token=uuid4(),
                lease_until=now + LEASE,
            )
    except IntegrityError as error:
        raise AlreadyRunning() from error


def _take_up(run: SyncRun, now: datetime) -> SyncRun:
    run.state, run.error, run.finished_at = State.RUNNING, "", None
    run.resumed += 1
    run.lease_token, run.lease_until = uuid4(), now + LEASE
    run.save(
        update_fields=["state", "error", "finished_at", "resumed", "lease_token", "lease_until"]
    )
    return run


def finish(run: SyncRun, error: str = "") -> SyncRun:
    """The run is over. What a chunk that failed had counted is forgotten with it."""
    held_by(run).update(
        state=State.FAILED if error else State.DONE,
        error=error[:300],
        finished_at=clock.now(),
        lease_until=None,
    )
    run.refresh_from_db()
    return run


def why(error: Exception) -> str:
    """The reason in a word that is safe to keep."""
    if isinstance(error, WeComError):
        return f"{type(error).__name__} {error.errcode or error.code}"
    return error.code if isinstance(error, DomainError) else type(error).__name__
