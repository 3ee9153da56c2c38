"""Which job waits where. Apart from `jobs` so that it can be read before the models are there."""

from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Any


class Queue(StrEnum):
    """Where a job waits: seconds count, somebody looks at a page, WeCom talks to us, or it takes
    long."""

    URGENT = "urgent"
    INTERACTIVE = "interactive"
    SYNC = "sync"
    BULK = "bulk"


QUEUES: dict[str, Queue] = {}


def queue_of(name: str) -> Queue | None:
    """A job's queue by its name `room.verb`; the room's jobs are read when nobody has yet."""
    module = f"apps.{name.partition('.')[0]}.jobs"
    if name not in QUEUES and find_spec(module.rpartition(".")[0]) and find_spec(module):
        import_module(module)
    return QUEUES.get(name)


def route(name: str, *_args: Any, **_kwargs: Any) -> dict[str, str] | None:
    """Celery's router: beat and `wake` send by name alone, the job knows its queue."""
    queue = queue_of(name)
    return {"queue": str(queue)} if queue else None
