"""The bells of the jobs that read the inbox: rung once for many callbacks."""

import contextlib
import threading
import time

from redis.exceptions import RedisError

from apps.core.wake import wake
from apps.wecom.client import shared_cache

HANDLER_JOB = "wecom_sync.handle_callbacks"
# a welcome code lives for seconds: it has a job and a bell of its own, past everything that waits
WELCOME_JOB = "wecom_sync.take_welcome_codes"
BELL_MS = 2_000
PAUSE_SECONDS = 0.05


def _note(job: str) -> str:
    return f"wecom:rung:{job}"


def ring(*jobs: str) -> None:
    """Wake each job unless it was rung and has not looked since."""
    for job in jobs:
        with contextlib.suppress(RedisError):
            if not shared_cache().set(_note(job), b"1", nx=True, px=BELL_MS):
                continue
        wake(job)


def looking(job: str) -> None:
    """Whoever claims takes the note down before looking."""
    with contextlib.suppress(RedisError):
        shared_cache().delete(_note(job))


class Ringer:
    """Rings beside the requests, at once and then every PAUSE_SECONDS at most: a storm of callbacks
    costs no request a call to the broker. A ring that dies with its process is beat's to make up.
    """

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ask(self, *jobs: str) -> None:
        with self._changed:
            self._asked.update(jobs)
            # begun by the first request: a thread does not survive the server's fork
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="bells", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked)
                jobs, self._asked = sorted(self._asked, key=_urgent_first), set()
            ring(*jobs)
            time.sleep(PAUSE_SECONDS)


def _urgent_first(job: str) -> bool:
    return job != WELCOME_JOB


ringer = Ringer()
