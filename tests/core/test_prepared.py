"""A fixed question is answered as by Django's own cursor, planned once for a connection."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.core.prepared import as_keys, as_rows, read

_KINDS = """
SELECT %s::bigint, %s::text, %s::timestamptz, %s::date, %s::numeric, %s::uuid, %s::boolean,
    %s::jsonb, NULL::text, %s::bigint[]
"""
_VALUES = [
    7,
    "林",
    datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
    date(2026, 3, 1),
    Decimal("12.50"),
    UUID(int=5),
    True,
    '{"a": [1, "二"]}',
    [1, 2_000_000_000_000],
]
_PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"


@pytest.mark.django_db
def test_every_kind_of_value_comes_back_as_from_djangos_cursor():
    with connection.cursor() as cursor:
        cursor.execute(_KINDS, _VALUES)
        expected = cursor.fetchall()

    assert read(_KINDS, _VALUES) == expected
    assert read("SELECT 1 WHERE false") == []


@pytest.mark.django_db
def test_asked_again_with_other_values_it_is_planned_once():
    asked = "SELECT %(a)s::bigint + %(b)s::bigint /* asked twice */"

    assert [read(asked, {"a": n, "b": 40_000}) for n in (1, 2)] == [[(40_001,)], [(40_002,)]]
    with connection.cursor() as cursor:
        cursor.execute(_PREPARED, ["%bigint /* asked twice */%"])
        assert cursor.fetchone()[0] in (0, 1)  # 0: somebody turned DATABASE_PREPARED off


@pytest.mark.django_db
def test_it_is_counted_like_any_other_question():
    with CaptureQueriesContext(connection) as asked:
        read("SELECT %s::text /* counted */", ["x"])
        read("SELECT %s::text /* counted */", ["y"])

    assert ["counted" in one["sql"] for one in asked.captured_queries] == [True, True]


@pytest.mark.django_db
def test_a_question_that_fails_is_djangos_error_and_the_next_one_is_answered():
    with pytest.raises(DatabaseError), transaction.atomic():
        read("SELECT 1 / %s::int", [0])

    assert read("SELECT 1 / %s::int", [1]) == [(1,)]


_GIVEN = """
SELECT * FROM json_to_recordset(%s::json) AS given (
    number bigint, said text, at timestamptz, ident uuid, key bytea, more jsonb
)
"""


@pytest.mark.django_db
def test_rows_arrive_as_they_were_and_what_a_row_lacks_is_empty():
    row = {
        "number": 2**40,
        "said": '林\\晓 "雯"\n',
        "at": datetime(2026, 3, 1, 9, 30, 0, 5, tzinfo=UTC),
        "ident": UUID(int=5),
        "key": bytes(range(16)),
        "more": {"a": [1, "二"]},
    }
    found = read(_GIVEN, [as_rows([row, {"number": 1}])])
    assert found[0] == (*list(row.values())[:-1], '{"a": [1, "二"]}')
    assert found[1] == (1, None, None, None, None, None)
    with pytest.raises(TypeError):
        as_rows([{"number": Decimal("1.5")}])


@pytest.mark.django_db
def test_keys_are_found_byte_by_byte():
    keys = [bytes(range(16)), bytes(16), b'\\x"{},']
    found = read("SELECT key FROM unnest(%s::bytea[]) AS key", [as_keys(keys)])
    assert [row[0] for row in found] == keys
    assert read("SELECT 1 WHERE %s = ANY(%s::bytea[])", [b"a", as_keys([])]) == []
