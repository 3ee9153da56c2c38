"""What must change nothing for who knocks: a worker that stands still, an import that is open."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.core.embedded import process
from apps.hq.benches._serving import BenchFailed
from apps.ingest.services import MemberItem, take_members
from apps.wecom.models import RawCallback

_PATIENCE = 120
# where nobody listens: a bench never calls anybody
_NOBODY = "http://127.0.0.1:9/cgi-bin/"


@contextmanager
def working_worker() -> Iterator[int]:
    """A worker of our own on every queue callbacks ring; yields its process. It is ended also where
    it was stopped."""
    argv = [sys.executable, "-m", "celery", "-A", "scrm", "worker", "--loglevel", "WARNING"]
    argv += ["-Q", "urgent,interactive,sync", "-P", "solo", "-n", "bench@bench"]
    argv += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    child = process.spawn(argv, env={**os.environ, "WECOM_API_BASE": _NOBODY})
    try:
        yield child.pid
    finally:
        child.send_signal(signal.SIGCONT)
        process.end(child)


def pause(pid: int) -> None:
    """Stand still, wherever it is just now: inside a transaction, with rows under lease."""
    os.kill(pid, signal.SIGSTOP)


@contextmanager
def open_import(members: int) -> Iterator[None]:
    """A batch of so many members, written and not committed before the block ends. 0: none."""
    if not members:
        yield
        return
    written, over, broken = threading.Event(), threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            with transaction.atomic():
                now = clock.now()
                items = [
                    MemberItem([("phone", "", f"139{number:08d}")], name="Bench")
                    for number in range(members)
                ]
                take_members(items=list(items), now=now, actor=SYSTEM)
                written.set()
                over.wait(_PATIENCE)
        except BaseException as error:
            broken.append(error)
        finally:
            written.set()
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    written.wait(_PATIENCE)
    try:
        yield
    finally:
        over.set()
        thread.join()
    if broken:
        raise BenchFailed(f"the import broke: {broken[0]}")


def wait_until_busy(*, seconds: float = 30) -> None:
    """Until the worker has taken up one of the callbacks at least."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if RawCallback.objects.exclude(status=RawCallback.Status.RECEIVED).exists():
            return
        time.sleep(0.05)
    raise BenchFailed("the worker never began")
