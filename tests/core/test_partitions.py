from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from apps.core import partitions


@pytest.fixture
def ledger(db):
    """A table cut by month, registered for this test alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE core_ledger (id bigint, at timestamptz, PRIMARY KEY (id, at)) "
            "PARTITION BY RANGE (at)"
        )
    known = dict(partitions._tables)
    partitions._tables.clear()
    partitions.register("core_ledger", "at")
    yield "core_ledger"
    partitions._tables.clear()
    partitions._tables.update(known)


def _insert(moment):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO core_ledger VALUES (1, %s)", [moment])
        cursor.execute("SELECT tableoid::regclass::text FROM core_ledger WHERE at = %s", [moment])
        return cursor.fetchone()[0]


def test_months_are_made_once(ledger):
    made = partitions.ensure_months(ledger, date(2025, 11, 5), date(2026, 2, 20))

    assert made == [
        f"core_ledger_{month}" for month in ("y2025m11", "y2025m12", "y2026m01", "y2026m02")
    ]
    assert partitions.ensure_months(ledger, date(2025, 11, 1), date(2026, 2, 1)) == []


def test_a_month_begins_at_the_chains_midnight(ledger):
    partitions.ensure_months(ledger, date(2026, 3, 1), date(2026, 4, 1))

    assert _insert(datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC)) == "core_ledger_y2026m03"
    assert _insert(datetime(2026, 3, 31, 16, 0, tzinfo=UTC)) == "core_ledger_y2026m04"


def test_a_row_without_its_month_is_an_error(ledger):
    partitions.ensure_months(ledger, date(2026, 3, 1), date(2026, 3, 1))

    with pytest.raises(IntegrityError, match="no partition"):
        _insert(datetime(2026, 5, 1, tzinfo=UTC))


def test_missing_months_are_this_and_the_next(ledger, moment):
    assert partitions.missing_months(moment) == ["core_ledger_y2026m03", "core_ledger_y2026m04"]

    made = partitions.ensure_ahead(moment)

    assert len(made) == 4
    assert partitions.missing_months(moment) == []


def test_readiness_names_the_missing_month(ledger, client):
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "core_ledger_y" in answer.json()["reasons"]["partitions"]


@pytest.mark.django_db
def test_every_registered_table_is_really_cut_on_its_column():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT partrelid::regclass::text, attname FROM pg_partitioned_table "
            "JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0] "
            "WHERE partstrat = 'r'"
        )
        cut = dict(cursor.fetchall())

    assert {entry.table: entry.column for entry in partitions.registered()} == cut
    assert set(cut) >= {"timeline_memberevent", "orders_orderline", "tagging_tagchange"}
