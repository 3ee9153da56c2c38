"""Writes of the choosing: a new version of a rule, a run that freezes who is in it."""

import time
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from pyroaring import BitMap

from apps.accounts.actor import Actor
from apps.core import clock
from apps.segments.compile import compile_definition
from apps.segments.errors import SegmentError
from apps.segments.models import Segment, SegmentRun, SegmentVersion

__all__ = ["SegmentError", "run_segment", "save_segment"]


@transaction.atomic
def save_segment(
    *, name: str, definition: Any, actor: Actor, segment: Segment | None = None
) -> SegmentVersion:
    """Keep a rule under a name; another tree is another version, the same tree changes nothing.

    Raises SegmentError for a tree that cannot be compiled.
    """
    compile_definition(definition, now=clock.now())
    if segment is None:
        segment, _made = Segment.objects.get_or_create(
            name=name, defaults={"created_by": actor.label}
        )
    segment = Segment.objects.select_for_update().get(pk=segment.pk)
    if segment.name != name:
        segment.name = name
        segment.save(update_fields=["name"])
    last = SegmentVersion.objects.filter(segment=segment).order_by("-number").first()
    if last is not None and last.definition == definition:
        return last
    highest = SegmentVersion.objects.filter(segment=segment).aggregate(top=Max("number"))["top"]
    return SegmentVersion.objects.create(
        segment=segment, number=(highest or 0) + 1, definition=definition
    )


@transaction.atomic
def run_segment(*, version: SegmentVersion, now: datetime, cause: str) -> SegmentRun:
    """Freeze who is in a version at a moment: one roaring bitmap of survivor ids."""
    started = time.monotonic()
    compiled = compile_definition(version.definition, now=now)
    members = BitMap()
    with connection.cursor() as cursor:
        cursor.execute(compiled.sql, compiled.params)
        while rows := cursor.fetchmany(50_000):
            members.update(row[0] for row in rows)
    members.run_optimize()
    return SegmentRun.objects.create(
        version=version,
        as_of=now,
        bounds=compiled.bounds,
        member_count=len(members),
        members=members.serialize(),
        duration_ms=int((time.monotonic() - started) * 1000),
        cause=cause,
    )
