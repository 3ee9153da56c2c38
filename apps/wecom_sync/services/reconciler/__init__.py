"""The mirror: what WeCom lists is compared with what we keep, chunk by chunk, differences healed.

Callbacks alone are not reliable. A run holds a lease, goes on where it was stopped and can be
repeated at any time. What callbacks told since it began is left alone. `KINDS` says what is
compared and in which order; a kind is one function.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from apps.wecom.client import client_for
from apps.wecom.models import Corp
from apps.wecom_sync.errors import AlreadyRunning, UnknownKind
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.services.reconciler import (
    contact_ways,
    friends,
    groups,
    staff,
    tags,
    tree,
    unassigned,
)
from apps.wecom_sync.services.reconciler.walk import GOES_ON_FOR, Walk, begin, finish, why

# reasons that go by themselves, and how long one waits for it
PASSING = frozenset({"RateLimited", "Paused", "Unreachable", "NoAnswer"})
PAUSE = timedelta(minutes=20)

log = structlog.get_logger(__name__)

Kind = SyncRun.Kind

# people before what hangs on them
KINDS: dict[str, Callable[[Walk], None]] = {
    Kind.TREE: tree.compare,
    Kind.DEPARTMENTS: staff.compare,
    Kind.TAGS: tags.compare,
    Kind.CONTACTS: friends.compare,
    Kind.GROUPS: groups.compare,
    Kind.WAYS: contact_ways.compare,
    Kind.UNASSIGNED: unassigned.compare,
}


def sync_kind(*, corp: Corp, kind: str, now: datetime, dry: bool = False) -> SyncRun:
    """Compare one kind and heal it; a dry run only counts. What stopped on its way goes on there.

    A run that fails keeps the chunks it has done and is kept as failed, with its reason.
    Raises AlreadyRunning, UnknownKind.
    """
    if kind not in KINDS:
        raise UnknownKind()
    run = begin(corp=corp, kind=kind, now=now, dry=dry)
    try:
        KINDS[kind](Walk(run=run, corp=corp, client=client_for(corp), now=now))
    except Exception as error:
        log.warning("sync_failed", run_id=run.pk, error=why(error))
        return finish(run, why(error))
    return finish(run)


def sync_all(*, corp: Corp, now: datetime, dry: bool = False) -> list[SyncRun]:
    """Every kind in its order. One that runs already is left to whoever runs it."""
    runs = []
    for kind in KINDS:
        try:
            runs.append(sync_kind(corp=corp, kind=kind, now=now, dry=dry))
        except AlreadyRunning:
            log.info("sync_runs_already", corp_id=corp.corp_id, kind=kind)
    return runs


def go_on(*, now: datetime) -> list[SyncRun]:
    """Take up runs whose worker is gone or whom WeCom let down; a refusal waits for a person."""
    runs = []
    for corp in Corp.objects.filter(is_active=True):
        for run in _stopped(corp, now):
            try:
                runs.append(sync_kind(corp=corp, kind=run.kind, now=now))
            except AlreadyRunning:
                log.info("sync_runs_already", corp_id=corp.corp_id, kind=run.kind)
    return runs


def _stopped(corp: Corp, now: datetime) -> list[SyncRun]:
    real = SyncRun.objects.filter(corp_id=corp.corp_id, dry=False, kind__in=list(KINDS))
    last = real.order_by("kind", "-pk").distinct("kind")
    return [run for run in last if run.is_stalled(now) or _may_pass(run, now)]


def _may_pass(run: SyncRun, now: datetime) -> bool:
    """It failed for a reason that goes by itself, a while ago and not too long."""
    if run.state != SyncRun.State.FAILED or run.finished_at is None:
        return False
    passing = run.error.split(" ")[0] in PASSING
    return passing and now - run.finished_at >= PAUSE and now - run.started_at < GOES_ON_FOR


def sync_departments(*, corp: Corp, now: datetime) -> SyncRun:
    """Staff of departments that are stores: new ones are posted, names follow, leavers leave."""
    return sync_kind(corp=corp, kind=Kind.DEPARTMENTS, now=now)


def sync_contacts(*, corp: Corp, now: datetime) -> SyncRun:
    """Friendships as WeCom lists them: new ones begin, those not listed any more end."""
    return sync_kind(corp=corp, kind=Kind.CONTACTS, now=now)
