"""A worker is killed anywhere in a large hand-out: each customer still comes to one place, once."""

import signal

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.core.wake import asleep
from apps.guide_tasks import services
from apps.guide_tasks.models import GuideTask, HandOutPart, TaskPush, TaskTarget
from apps.outreach.models import GuideNotice
from apps.segments import selectors as segments
from tests.conftest import wait_for
from tests.factories.crowds import crowd, where_everybody_is
from tests.factories.tasks import make_push

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

POINTS = [
    "guide_tasks.part_begun",
    "guide_tasks.part_written",
    "guide_tasks.part_committed",
    "guide_tasks.hand_out_closing",
]


@pytest.fixture
def push(settings):
    settings.HAND_OUT_PART = 15
    now = clock.now()
    found = make_push(crowd(now, 6), now, control_share_bp=3000)
    with asleep():
        services.hand_out(push=found, now=now, actor=SYSTEM)
    assert HandOutPart.objects.count() > 2
    return found


def test_workers_killed_in_the_middle_of_parts_lose_and_double_nothing(push, workers):
    people = set(segments.member_ids(push.segment_run))

    for point in POINTS:
        # the next worker finds the place taken until PostgreSQL has noticed the death
        wait_for(
            lambda point=point: workers(point, clock.now(), "parts") == -signal.SIGKILL,
            seconds=20,
            message=f"No worker died at {point}.",
        )
        kept = HandOutPart.objects.exclude(done_at=None).values_list("issued", flat=True)
        assert TaskTarget.objects.count() == sum(kept)
        assert not GuideNotice.objects.exists()
    assert not HandOutPart.objects.filter(done_at=None).exists()
    wait_for(
        lambda: (
            workers("-", clock.now(), "parts") == 0
            and TaskPush.objects.filter(pk=push.pk, status=TaskPush.Status.HANDED_OUT).exists()
        ),
        seconds=20,
        message="Nobody closed the hand-out.",
    )

    places = where_everybody_is(push)
    assert set(places) == people
    assert all(len(where) == 1 for where in places.values())
    assert GuideNotice.objects.count() == GuideTask.objects.filter(push=push).count() > 0
    assert not HandOutPart.objects.exists()
