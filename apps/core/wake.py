"""Ring a job's bell after commit. A bell that fails does not matter: the sweeper finds the row."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import structlog
from celery import current_app
from django.db import connection, transaction

log = structlog.get_logger(__name__)
_asleep: ContextVar[bool] = ContextVar("asleep", default=False)


@contextmanager
def asleep() -> Iterator[None]:
    """Ring no bells in here: a load that does the jobs' work itself, in its own order."""
    token = _asleep.set(True)
    try:
        yield
    finally:
        _asleep.reset(token)


class _Bell(partial):
    """The call waiting for commit; `key` tells two equal ones apart from different ones."""

    key: tuple[Any, ...]


def _ring(name: str, kwargs: dict[str, Any]) -> None:
    try:
        current_app.send_task(name, kwargs=kwargs, retry=False, ignore_result=True)
    except Exception as error:  # the broker may be down: rows wait, the sweeper is the guarantee
        log.warning("wake_failed", job=name, error=type(error).__name__)


def wake(job_name: str, **kwargs: Any) -> None:
    """Wake a job by name once the current transaction commits; ids only, once per transaction."""
    if _asleep.get():
        return
    key = (job_name, tuple(sorted(kwargs.items())))
    if any(getattr(entry[1], "key", None) == key for entry in connection.run_on_commit):
        return
    bell = _Bell(_ring, job_name, kwargs)
    bell.key = key
    transaction.on_commit(bell)
