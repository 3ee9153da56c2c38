"""A world that many tests begin from, built once.

It lies in a transaction that stays open as long as tests come that begin from it; the transaction
of each of them is a savepoint in it. A test gets a copy of the world's objects, and what it wrote
is rolled back as ever. Before a test that begins elsewhere the world is rolled back too.
"""

import copy
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

_open: "World | None" = None


class World:
    def __init__(self, build: Callable[[], Any]):
        self._build = build
        self._atomic: transaction.Atomic | None = None
        self._found: Any = None

    def _begin(self) -> None:
        self._atomic = transaction.atomic()
        # as in Django's own tests: what wants to be outermost may be inside
        self._atomic._from_testcase = True
        self._atomic.__enter__()
        try:
            self._found = self._build()
        except BaseException:
            self._end()
            raise
        # what was put off until the commit is done once, not by each test
        connection.check_constraints()
        connection.run_on_commit = []

    def _end(self) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)
        self._atomic = self._found = None

    def begin(self) -> Any:
        """For a fixture: the world's objects, or a new world for a test that really commits."""
        return copy.deepcopy(self._found) if _open is self else self._build()


def stand_on(wanted: World | None) -> None:
    """The test that comes begins from this one; nothing else is in the database."""
    global _open
    if _open is wanted:
        return
    if _open:
        left, _open = _open, None
        left._end()
    if wanted:
        wanted._begin()
        _open = wanted
