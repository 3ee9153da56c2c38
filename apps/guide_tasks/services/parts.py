"""A large hand-out: decided once, written in parts, by any number of workers at once.

Who goes where is decided for everybody in one transaction (`pushes.hand_out`), at one moment, which
makes it equal to the forecast; what then takes long is writing it down. Each part is one
transaction that holds its row: a worker that dies leaves the part as it was, and the next worker,
rung by beat, takes it up. A guide sees all of their customers at once, with their part; everything
that is told or counted by the push waits until the last part is in.
"""

from dataclasses import replace
from datetime import datetime
from math import ceil

from django.conf import settings
from django.db import transaction

from apps.core import clock, faults, locks
from apps.core.wake import wake
from apps.guide_tasks.models import HandOutPart, PushForecast, TaskPush
from apps.guide_tasks.services import erasure, issuing, places
from apps.guide_tasks.shapes import PushPlaces

JOB = "guide_tasks.hand_out_parts"
# doorbells rung: more workers than that do not make the disk faster
WORKERS = 2
# each part reads what all members bought: a very large push has larger parts, not more of them
MOST_PARTS = 4
# until a part is too large: it is one open writing transaction, and whoever reads the feed waits
# for the oldest of them
LARGEST_PART = 250_000

Status = TaskPush.Status


def begin(*, push: TaskPush, planned: int, now: datetime) -> None:
    """Keep what stands in the table handout as parts; from its commit on they are written."""
    places.cut(push_id=push.pk, into=_parts_of(planned))
    push.status, push.handing_out_at = Status.HANDING_OUT, now
    push.save(update_fields=["status", "handing_out_at"])
    _ring(push.pk)


def _parts_of(planned: int) -> int:
    usual = min(ceil(planned / settings.HAND_OUT_PART), MOST_PARTS)
    return max(usual, ceil(planned / LARGEST_PART))


def _ring(push_id: int) -> None:
    for worker in range(WORKERS):
        wake(JOB, push_id=push_id, worker=worker)


def ring_again() -> None:
    """For hand-outs whose workers were lost. A bell for a worker that is at it finds its place
    taken: there are never more of them."""
    for push_id in TaskPush.objects.filter(status=Status.HANDING_OUT).values_list("pk", flat=True):
        _ring(push_id)


@transaction.atomic
def decided(push: TaskPush) -> PushPlaces:
    """The places of a push that is being handed out, as they were decided."""
    places.lay_out_again(push_id=push.pk)
    changes = PushForecast.objects.values_list("changes", flat=True).get(push=push)
    return replace(places.counts(), changes=changes)


def work_off(*, push_id: int, worker: int = 0) -> int:
    """Write parts until none is left, and close the hand-out when all are in. Returns how many
    customers came to their guides here. Safe to repeat, and to run several times at once: whoever
    finds another at work under the same number of a worker leaves the rest to it."""
    issued = 0
    while (written := _write_one(push_id, worker)) is not None:
        issued += written
        faults.point("guide_tasks.part_committed")
    _close(push_id)
    return issued


@transaction.atomic
def _write_one(push_id: int, worker: int = 0) -> int | None:
    """The next part that nobody holds, in one commit; None when there is none, or when this
    worker's place is taken."""
    if not locks.turn_is_free(f"hand_out:{push_id}:{worker}"):
        return None
    free = HandOutPart.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
    part = free.filter(push_id=push_id, done_at=None).order_by("number").only("number").first()
    if part is None:
        return None
    push = TaskPush.objects.select_related("campaign").get(pk=push_id)
    due_at, now = _terms(push)
    places.lay_out_again(push_id=push_id, number=part.number)
    faults.point("guide_tasks.part_begun")
    issued = issuing.write(push=push, due_at=due_at, now=now)
    faults.point("guide_tasks.part_written")
    HandOutPart.objects.filter(pk=part.pk).update(done_at=clock.now())
    return issued


def _terms(push: TaskPush) -> tuple[datetime, datetime]:
    assert push.due_at is not None
    assert push.handing_out_at is not None
    return push.due_at, push.handing_out_at


@transaction.atomic
def _close(push_id: int) -> bool:
    """After the last part: the push is handed out, its guides hear of it. By one worker, once."""
    push = TaskPush.objects.select_for_update(of=("self",), no_key=True).get(pk=push_id)
    unwritten = HandOutPart.objects.filter(push=push, done_at=None)
    if push.status != Status.HANDING_OUT or unwritten.exists():
        return False
    due_at, now = _terms(push)
    push.status, push.handed_out_at = Status.HANDED_OUT, now
    push.save(update_fields=["status", "handed_out_at"])
    issuing.hand_out_notices(push=push, due_at=due_at, now=now, in_parts=True)
    erasure.forget_since(push=push, since=now, now=clock.now())
    HandOutPart.objects.filter(push=push).delete()
    faults.point("guide_tasks.hand_out_closing")
    wake("guide_tasks.tell_issued", push_id=push_id)
    return True
