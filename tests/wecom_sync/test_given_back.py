"""What a run cannot read before its leases end goes back as if nobody had taken it."""

import itertools

import pytest

from apps.core import clock
from apps.wecom.models import CallbackEndpoint, RawCallback
from apps.wecom_sync.services import callbacks, handle_callbacks

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(corp):
    """Five events that nobody handles."""
    endpoint = CallbackEndpoint.objects.get(slug="contacts")
    return [
        RawCallback.objects.create(
            key=bytes(31) + bytes([number]), endpoint=endpoint, event="nobodys_event",
            fields={}, created_by_wecom_at=clock.now(), not_before=clock.now(),
        )
        for number in range(5)
    ]  # fmt: skip


def test_the_rest_of_a_slow_batch_is_given_back_and_the_job_is_rung(waiting, monkeypatch):
    rung = []
    monkeypatch.setattr(callbacks, "wake", rung.append)
    # each look at the watch finds that another quarter of the time is over
    ticks = itertools.count(step=callbacks.READ_FOR / 4)
    monkeypatch.setattr(callbacks, "monotonic", lambda: next(ticks))

    assert handle_callbacks(now=clock.now()) == 3

    rows = RawCallback.objects.order_by("pk").values_list("status", "attempts", "lease_token")
    assert [row[:2] for row in rows] == [("ignored", 1)] * 3 + [("received", 0)] * 2
    assert [row[2] for row in rows] == [None] * 5
    assert rung == ["wecom_sync.handle_callbacks"]

    assert handle_callbacks(now=clock.now()) == 2


def test_a_run_ends_before_its_leases_do():
    assert callbacks.READ_FOR < callbacks.wecom.LEASE_SECONDS
