"""Background jobs: named, on a named queue, remembered."""

import traceback
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import structlog
from celery import shared_task
from django.db import close_old_connections, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import kept_files, partitions
from apps.core.errors import DomainError
from apps.core.models import JobRun
from apps.core.queues import QUEUES, Queue, queue_of, route

__all__ = ["QUEUES", "Queue", "job", "queue_of", "route"]

log = structlog.get_logger(__name__)

KEEP_GOOD_RUNS = timedelta(days=1)
KEEP_FAILED_RUNS = timedelta(days=30)
TRIM_EVERY = 50


def _where(error: BaseException) -> str:
    """Class and place of an error. Its text may quote a row, so only our own errors may speak."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/', 2)[-1]}:{frames[-1].lineno}" if frames else ""
    words = f": {error}" if isinstance(error, DomainError) else ""
    return f"{type(error).__name__}{place}{words}"


def _trim(run: JobRun) -> None:
    if run.pk % TRIM_EVERY:
        return
    moment = timezone.now()
    JobRun.objects.filter(ok=True, started_at__lt=moment - KEEP_GOOD_RUNS).delete()
    JobRun.objects.filter(started_at__lt=moment - KEEP_FAILED_RUNS).delete()


def _recorded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        record = JobRun.objects.create(name=name, started_at=timezone.now())
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            if not connection.in_atomic_block:  # a lost connection must not hide the failure
                close_old_connections()
            JobRun.objects.filter(pk=record.pk).update(
                finished_at=timezone.now(), ok=False, error=_where(error)
            )
            raise
        JobRun.objects.filter(pk=record.pk).update(
            finished_at=timezone.now(), ok=True, summary="" if result is None else str(result)
        )
        _trim(record)
        return result

    return run


def job(*, name: str, queue: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a function a job: explicit name and queue, late acknowledgement, a JobRun per run.

    What the function returns becomes the run's summary; it takes and returns ids and counts only.
    """
    QUEUES[name] = Queue(queue)

    def decorate(function: Callable[..., Any]) -> Any:
        return shared_task(
            # the queue is not the task's attribute (Celery deprecates that): `route` knows it
            name=name,
            acks_late=True,
            ignore_result=True,
            **options,
        )(_recorded(name, function))

    return decorate


@job(name="core.make_partitions", queue=Queue.BULK)
def make_partitions() -> str:
    """Make the months ahead."""
    made = partitions.ensure_ahead(now=timezone.now())
    return _("%(n)s made") % {"n": len(made)}


@job(name="core.forget_files", queue=Queue.BULK)
def forget_files() -> str:
    """Delete kept pictures that no row names."""
    return _("%(n)s deleted") % {"n": kept_files.forget_files(now=timezone.now())}
