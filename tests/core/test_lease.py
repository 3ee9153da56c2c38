import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import isolate_apps

from apps.core import lease
from apps.core.models import LeasedModel


@pytest.fixture
def letters(transactional_db):
    """A leased table of the test's own, with ten rows."""
    with isolate_apps("apps.core"):

        class Letter(LeasedModel):
            class Meta:
                app_label = "core"

    with connection.schema_editor() as editor:
        editor.create_model(Letter)
    Letter.objects.bulk_create([Letter() for _ in range(10)])
    yield Letter
    with connection.schema_editor() as editor:
        editor.delete_model(Letter)


def test_a_claimed_row_is_not_claimed_again_until_its_lease_ends(letters, moment):
    rows = letters.objects.order_by("pk")
    _token, first = lease.claim(rows, now=moment, seconds=60, limit=4)
    _token, second = lease.claim(rows, now=moment, seconds=60, limit=10)
    _token, later = lease.claim(rows, now=moment + timedelta(seconds=61), seconds=60, limit=10)

    assert (len(first), len(second), len(later)) == (4, 6, 10)
    assert not set(first) & set(second)


def test_only_the_owner_writes_and_releases(letters, moment):
    token, keys = lease.claim(letters.objects.all(), now=moment, seconds=60, limit=10)

    assert lease.holds(letters.objects.all(), uuid.uuid4()).count() == 0
    assert lease.release(letters.objects.all(), token=uuid.uuid4()) == 0
    assert lease.release(letters.objects.filter(pk__in=keys[:3]), token=token) == 3
    assert lease.holds(letters.objects.all(), token).count() == 7


def test_workers_at_the_same_moment_share_the_rows(letters, moment):
    found, barrier = [], threading.Barrier(5)

    def work():
        barrier.wait()
        found.append(lease.claim(letters.objects.all(), now=moment, seconds=60, limit=3)[1])
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    claimed = [key for keys in found for key in keys]
    assert len(claimed) == len(set(claimed))
    rest = lease.claim(letters.objects.all(), now=moment, seconds=60, limit=10)[1]
    assert len(claimed) + len(rest) == 10
