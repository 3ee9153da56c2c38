"""The steps that every outbox shares."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import isolate_apps

from apps.core import outbox
from apps.core.models import OutgoingOnce

PATIENCE = outbox.Patience(first=timedelta(seconds=10), most=timedelta(seconds=60), tries=3)


class Failed(Exception):
    def __init__(self, *, retryable=False, outcome_unknown=False, retry_after=None):
        self.retryable, self.outcome_unknown = retryable, outcome_unknown
        if retry_after is not None:
            self.retry_after = retry_after


@pytest.fixture
def parcels(transactional_db):
    """An outbox of the test's own."""
    with isolate_apps("apps.core"):

        class Parcel(OutgoingOnce):
            objects = outbox.OutboxQuerySet.as_manager()

            class Meta:
                app_label = "core"

    with connection.schema_editor() as editor:
        editor.create_model(Parcel)
    yield Parcel
    with connection.schema_editor() as editor:
        editor.delete_model(Parcel)


def work(parcels, moment, **terms):
    given = {"clock": lambda: moment, "seconds": 60, "batch": 2, "limit": 100} | terms
    return outbox.batches(parcels.objects.due, **given)


def test_rows_are_leased_in_batches_the_longest_waiting_first(parcels, moment):
    late, later, soon = (
        parcels.objects.create(not_before=moment - timedelta(minutes=m)).pk for m in (9, 5, 1)
    )
    parcels.objects.create(not_before=moment + timedelta(seconds=1))

    assert [ids for _token, ids in work(parcels, moment)] == [[late, later], [soon]]
    assert list(work(parcels, moment)) == []


def test_no_more_rows_are_taken_than_asked_for(parcels, moment):
    parcels.objects.bulk_create([parcels(not_before=moment) for _ in range(5)])

    assert [len(ids) for _token, ids in work(parcels, moment, limit=3)] == [2, 1]


def test_only_the_owner_of_the_lease_settles_a_row(parcels, moment):
    row = parcels.objects.create(not_before=moment)
    ((token, _ids),) = work(parcels, moment)

    assert not row.settle(uuid4(), reason="somebody else's")
    with transaction.atomic():
        assert parcels.objects.held(row.pk, uuid4()) is None
        assert parcels.objects.held(row.pk, token) == row
    assert row.settle(token, reason="done", attempts=1)
    row.refresh_from_db()
    assert (row.reason, row.attempts, row.lease_token, row.lease_until) == ("done", 1, None, None)
    assert not row.settle(token, reason="twice")


def test_a_row_that_breaks_its_worker_stops_no_other(capsys):
    done = []
    for number in range(3):
        with outbox.alone("parcel_broken", parcel_id=number):
            done.append(1 // (number - 1))

    assert done == [-1, 1]


def test_what_is_put_off_has_not_failed(moment):
    fate = outbox.fate_of(
        Failed(retryable=True, retry_after=30), failed=2, patience=PATIENCE, at=moment
    )

    assert (fate.lost, fate.over, fate.attempts) == (False, False, 2)
    assert timedelta(seconds=30) <= fate.not_before - moment <= timedelta(seconds=39)


def test_pauses_grow_up_to_their_limit_and_trying_ends(moment):
    fates = [
        outbox.fate_of(Failed(retryable=True), failed=n, patience=PATIENCE, at=moment)
        for n in (0, 1, 2, 90)
    ]

    assert [fate.over for fate in fates] == [False, False, True, True]
    assert [fate.attempts for fate in fates] == [1, 2, 3, 91]
    for fate, longest in zip(fates, (10, 20, 40, 60), strict=True):
        pause = (fate.not_before - moment).total_seconds()
        assert 0.7 * longest <= pause <= longest


def test_a_refusal_is_the_end_at_once(moment):
    fate = outbox.fate_of(Failed(), failed=0, patience=PATIENCE, at=moment)

    assert (fate.lost, fate.over) == (False, True)


@pytest.mark.parametrize(("harmless", "lost"), [(False, True), (True, False)])
def test_an_open_outcome_is_repeated_only_where_that_does_no_harm(moment, harmless, lost):
    fate = outbox.fate_of(
        Failed(outcome_unknown=True), failed=0, patience=PATIENCE, at=moment, harmless=harmless
    )

    assert (fate.lost, fate.over) == (lost, False)
