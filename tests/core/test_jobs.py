import pytest
from celery import current_app
from django.db import transaction

from apps.core import jobs
from apps.core.errors import DomainError
from apps.core.models import JobRun
from apps.core.wake import wake
from tests.conftest import wait_for


@pytest.fixture
def rung(monkeypatch):
    """What was sent to the broker."""
    names = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, kwargs, **_: names.append((name, kwargs))
    )
    return names


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_hears_the_bell(product_env, run_process):
    """By name alone, over the broker, on the job's own queue."""
    run_process(["-m", "celery", "-A", "scrm", "worker", "-Q", "bulk", "-P", "solo"], product_env)

    wake("core.make_partitions")

    wait_for(
        JobRun.objects.filter(name="core.make_partitions", ok=True).exists,
        seconds=60,
        message="No worker ran it.",
    )


def ring_and_fail():
    """A part of the work that rings and is then rolled back."""
    part = transaction.atomic()
    part.__enter__()
    wake("core.make_partitions")
    part.__exit__(ValueError, ValueError(), None)


@pytest.mark.django_db(transaction=True)
class TestWake:
    def test_the_bell_rings_once_after_commit(self, rung):
        with transaction.atomic():
            wake("core.make_partitions")
            wake("core.make_partitions")
            wake("core.make_partitions", store_id=3)
            assert rung == []

        assert rung == [("core.make_partitions", {}), ("core.make_partitions", {"store_id": 3})]

    def test_a_rollback_silences_it(self, rung):
        ring_and_fail()

        assert rung == []

    def test_a_bell_of_a_rolled_back_part_does_not_hide_the_next(self, rung):
        with transaction.atomic():
            ring_and_fail()
            wake("core.make_partitions")

        assert rung == [("core.make_partitions", {})]

    def test_a_broker_that_is_down_is_no_error(self, monkeypatch):
        def refuse(*_args, **_kwargs):
            raise ConnectionError

        monkeypatch.setattr(current_app, "send_task", refuse)

        with transaction.atomic():
            wake("core.make_partitions")
            run = JobRun.objects.create(name="row", started_at="2026-01-01T00:00:00Z")

        assert JobRun.objects.filter(pk=run.pk).exists()


def test_beat_and_wake_find_a_jobs_queue_by_its_name():
    assert jobs.route("core.make_partitions") == {"queue": "bulk"}
    assert jobs.route("celery.backend_cleanup") is None


@pytest.mark.django_db
def test_a_run_is_remembered_with_what_it_did():
    jobs.make_partitions()

    run = JobRun.objects.get(name="core.make_partitions")
    assert (run.ok, run.summary) == (True, "新建 0 个")
    assert run.finished_at >= run.started_at


class Refused(DomainError):
    message = "Not today."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("core.test_bad_row", ValueError("Key (phone)=(+8613800001234)"), "ValueError"),
        ("core.test_refused", Refused(), "Not today."),
    ],
)
def test_a_failed_run_tells_where_but_quotes_no_row(name, error, words):
    @jobs.job(name=name, queue="bulk")
    def fails():
        raise error

    with pytest.raises(type(error)):
        fails()

    run = JobRun.objects.get(name=name)
    assert run.ok is False
    assert words in run.error
    assert "test_jobs.py" in run.error
    assert "13800001234" not in run.error
    del jobs.QUEUES[name]
