"""A real dump, restored into a cluster whose transactions count from another number."""

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from apps.core import clock, partitions
from apps.core.embedded import postgres
from apps.timeline import services
from apps.timeline.models import EventKey, Kind, MemberEvent
from apps.timeline.selectors import feed_lag
from apps.timeline.services import NewEvent

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DATABASE = "restored"


def _event(number):
    return NewEvent(
        member_id=1,
        kind=Kind.TAGGED,
        source=f"test:{number}",
        key=f"test:{number}",
        occurred_at=clock.now(),
        payload={"tag_id": number},
    )


def _taken(consumer):
    batch = services.read_feed(consumer=consumer, limit=100)
    services.advance(consumer=consumer, cursor=batch.cursor)
    return [event.source for event in batch.events]


@pytest.fixture
def other_cluster():
    """An empty cluster beside the run's own, gone with the test."""
    # inside the run's folder, which goes with the run whatever happens
    run = Path(f"{settings.TEST_RUN}-data") / "other"
    data = Path(f"{run}-data")
    data.mkdir(mode=0o755)
    server = postgres.Postgres(
        data=data / "postgres",
        sockets=run,
        log=data / "postgres.log",
        options=postgres.TEST_OPTIONS,
    )
    try:
        server.start()
        server.ensure_database(DATABASE)
        yield server
    finally:
        server.stop()
        for folder in (run, data):
            shutil.rmtree(folder, ignore_errors=True)


def _let_transactions_pass(count):
    """The old cluster has lived longer: its numbers lie in the new one's future."""
    with psycopg.connect(
        host=settings.TEST_RUN,
        user=postgres.USER,
        dbname=connection.settings_dict["NAME"],
        autocommit=True,
    ) as session:
        for _number in range(count):
            session.execute("SELECT pg_current_xact_id()")


def _dump(path):
    command = [postgres.bin_dir() / "pg_dump", "-h", settings.TEST_RUN, "-U", postgres.USER]
    command += ["--no-owner", "--file", path, connection.settings_dict["NAME"]]
    subprocess.run(command, check=True, capture_output=True)


def _restore(path, server):
    command = [postgres.bin_dir() / "psql", "-h", server.sockets, "-U", postgres.USER, "-q"]
    command += ["-v", "ON_ERROR_STOP=1", "--single-transaction", "-f", path, DATABASE]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def _living_in(server):
    """The product's default connection leads to the restored database."""
    usual = connections["default"]
    there = usual.copy()
    there.settings_dict = {**usual.settings_dict, "HOST": str(server.sockets), "NAME": DATABASE}
    connections["default"] = there
    services.forget_known_months()
    try:
        yield
    finally:
        there.close()
        connections["default"] = usual
        services.forget_known_months()


def test_after_a_dump_and_restore_no_reader_loses_or_repeats_an_event(other_cluster, tmp_path):
    services.record_events([_event(1), _event(2)])
    assert _taken("reader") == ["test:1", "test:2"]
    _let_transactions_pass(2000)
    services.record_events([_event(3)])
    _dump(tmp_path / "dump.sql")
    _restore(tmp_path / "dump.sql", other_cluster)

    with _living_in(other_cluster):
        # the event of the longer-lived cluster seems to lie in this one's future
        assert _taken("reader") == []

        call_command("after_restore", verbosity=0)
        services.record_events([_event(3), _event(4)])
        taken = [*_taken("reader"), *_taken("reader"), *_taken("reader")]
        newcomer = [*_taken("newcomer"), *_taken("newcomer"), *_taken("newcomer")]

        assert taken == ["test:3", "test:4"]
        assert newcomer == ["test:1", "test:2", "test:3", "test:4"]
        assert feed_lag(consumer="reader") == 0
        old, new = (
            MemberEvent.objects.get(source="test:3"),
            MemberEvent.objects.get(source="test:4"),
        )
        assert new.tx < old.tx
        assert new.epoch > old.epoch
        assert EventKey.objects.count() == 4
        assert partitions.missing_months(now=clock.now()) == []

    assert _taken("reader") == ["test:3"]  # the cluster that was left behind is as it was
