"""A request finds a connection that works, without asking for it."""

import threading

import psycopg
import pytest
from django.db import connection, connections

from apps.core.database.base import DatabaseWrapper


def _end(pid):
    """Somebody ends that connection's server, as a restart of PostgreSQL does."""
    settings = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: settings[name] for name in names if name in settings}) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def _request():
    """What Django does before a request; then one question."""
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def _in_a_thread(work):
    """With a connection of its own that is kept between requests, as the web keeps it."""
    found = []

    def run():
        kept = {"CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 60}
        connection.settings_dict = {**connection.settings_dict, **kept}
        try:
            found.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.django_db(transaction=True)
def test_a_connection_whose_server_went_away_is_replaced():
    def work():
        first = _request()
        _end(first)
        return first, _request()

    first, second = _in_a_thread(work)
    assert first != second


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_there_is_not_asked_about(monkeypatch):
    asked = []
    monkeypatch.setattr(DatabaseWrapper, "is_usable", lambda self: asked.append(self) or True)

    first, second = _in_a_thread(lambda: (_request(), _request()))
    assert first == second
    assert asked == []
