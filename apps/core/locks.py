"""Taking turns: whoever names the same thing waits until the other's transaction is over."""

from collections.abc import Collection

from django.db import connection


def take_turn(name: str) -> None:
    """Wait for everybody who named this, and hold it to the end of the transaction.

    For what has no row yet that could be locked: two requests with one client id, the first event
    of a subject.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def turn_is_free(name: str) -> bool:
    """Take the turn if nobody has it, and hold it to the end of the transaction; false if not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


_EACH = """
SELECT pg_advisory_xact_lock(name) FROM (
    SELECT DISTINCT hashtextextended(name, 0) AS name FROM unnest(%s::text[]) AS name ORDER BY 1
) AS sorted
"""


def take_turns(within: str, names: Collection[str]) -> None:
    """Wait for everybody who named one of these, or who took the turn of `within` as a whole.

    All names in one order, so that two who name the same wait and do not block each other. Who
    finds that more are needed gives these back first (a savepoint does) and names all of them.
    Each name is a place in PostgreSQL's table of locks: some hundreds, no more.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [within])
        cursor.execute(_EACH, [[f"{within}:{name}" for name in names]])
