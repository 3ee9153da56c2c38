"""Taking turns: whoever names the same thing waits until the other's transaction is over."""

from django.db import connection


def take_turn(name: str) -> None:
    """Wait for everybody who named this, and hold it to the end of the transaction.

    For what has no row yet that could be locked: two requests with one client id, the first event
    of a subject.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
