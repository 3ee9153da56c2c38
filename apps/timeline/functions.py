"""Database defaults of the feed: which transaction and which epoch an event was recorded in."""

from django.db import models
from django.db.models import Func


class CurrentTransaction(Func):
    """Id of the top-level transaction; the same under savepoints. xid8 has no direct cast to
    bigint."""

    template = "(pg_current_xact_id()::text::bigint)"
    arity = 0
    output_field = models.BigIntegerField()


class CurrentEpoch(Func):
    """The feed's epoch, read from its one-row table by an SQL function made in the migration."""

    template = "timeline_current_epoch()"
    arity = 0
    output_field = models.IntegerField()
