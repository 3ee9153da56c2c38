"""The feed exactly as decided: keys, crossing transactions, epochs."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections, transaction

from apps.core import clock
from apps.timeline import services
from apps.timeline.models import EventKey, Kind, MemberEvent
from apps.timeline.selectors import feed_lag, timeline_page
from apps.timeline.services import NewEvent


def event(number: int, *, member: int = 1, at: datetime | None = None) -> NewEvent:
    return NewEvent(
        member_id=member,
        kind=Kind.TAGGED,
        source=f"test:{number}",
        key=f"test:{number}",
        occurred_at=at or clock.now(),
        payload={"tag_id": number},
    )


def taken(consumer: str = "reader") -> list[str]:
    batch = services.read_feed(consumer=consumer, limit=100)
    services.advance(consumer=consumer, cursor=batch.cursor)
    return [found.source for found in batch.events]


@pytest.mark.django_db
def test_the_same_key_is_the_same_event_also_inside_one_batch():
    moment = clock.now()

    first = services.record_events([event(1, at=moment), event(2, at=moment), event(1, at=moment)])
    again = services.record_events([event(2), event(3)])

    assert (first, again) == (2, 1)
    assert MemberEvent.objects.count() == 3
    assert EventKey.objects.count() == 3


@pytest.mark.django_db
def test_what_is_told_together_keeps_the_order_of_the_telling():
    moment = clock.now()

    services.record_events([event(number, at=moment) for number in range(1, 9)])

    told = MemberEvent.objects.order_by("id").values_list("source", flat=True)
    assert list(told) == [f"test:{number}" for number in range(1, 9)]


@pytest.mark.django_db
def test_an_event_of_a_month_long_past_makes_its_partition():
    long_ago = clock.now() - timedelta(days=500)

    services.record_events([event(1, at=long_ago)])

    assert [e.source for e in timeline_page(member_ids=[1])] == ["test:1"]


@pytest.mark.django_db
def test_events_recorded_from_a_select_equal_events_recorded_one_by_one():
    moment = clock.now()
    services.record_event(
        member_id=7, kind=Kind.TAGGED, source="test:1", key="test:1", occurred_at=moment
    )

    new = services.record_from_select(
        select="""SELECT 'test:' || n, %s::timestamptz, 7::bigint, NULL::bigint, 'tag.added',
                         'test:' || n, 'system', '{}'::jsonb FROM generate_series(1, 3) AS n""",
        params=[moment],
        first=moment,
        last=moment,
    )

    assert new == 2
    assert {e.source for e in timeline_page(member_ids=[7])} == {"test:1", "test:2", "test:3"}


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_commits_late_is_not_lost_by_a_reader_who_came_between():
    """The older transaction commits after the younger one; a cursor on the id alone would pass
    it."""
    wrote, may_commit = threading.Event(), threading.Event()

    def slow_writer():
        try:
            with transaction.atomic():
                services.record_events([event(1)])
                wrote.set()
                may_commit.wait(10)
        finally:
            connections.close_all()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    assert wrote.wait(10)
    services.record_events([event(2)])

    while_open = taken()
    may_commit.set()
    writer.join(10)
    after = taken()

    assert while_open == []  # the younger event waits until the older transaction is settled
    assert after == ["test:1", "test:2"]
    assert feed_lag(consumer="reader") == 0


@pytest.mark.django_db(transaction=True)
def test_two_readers_keep_cursors_of_their_own_and_read_everything_in_pages():
    for number in range(5):
        services.record_events([event(number)])

    pages = []
    while batch := services.read_feed(consumer="a", limit=2).events:
        pages.append([e.source for e in batch])
        services.advance(consumer="a", cursor=services.read_feed(consumer="a", limit=2).cursor)

    assert pages == [["test:0", "test:1"], ["test:2", "test:3"], ["test:4"]]
    assert len(taken("b")) == 5


@pytest.mark.django_db(transaction=True)
def test_events_keep_the_top_level_transaction_under_savepoints():
    with transaction.atomic():
        services.record_events([event(1)])
        with transaction.atomic():
            services.record_events([event(2)])

    assert MemberEvent.objects.values("tx").distinct().count() == 1


@pytest.mark.django_db(transaction=True)
def test_after_a_restore_old_events_are_read_whole_and_new_ones_after_them():
    """A restored cluster counts transactions from a lower number: old rows seem to lie in the
    future."""
    services.record_events([event(1), event(2)])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE timeline_memberevent SET tx = tx + 1000000000")
    assert taken() == []  # without a new epoch they would wait for ever

    services.after_restore()
    services.record_events([event(3)])

    # one batch holds events of one epoch
    assert taken() == ["test:1", "test:2"]
    assert taken() == ["test:3"]
    assert taken() == []
