"""What happens to members, told to the timeline.

The timeline lies above this room (its rows are about members), so it cannot be called by name
from here. It hands its recorder in when the product starts (`apps/timeline/apps.py`); from then on
telling is a plain call in the same transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.core.exceptions import ImproperlyConfigured


class What(StrEnum):
    """The kinds this room tells; a test holds them against the timeline's own."""

    CREATED = "member.created"
    JOINED = "member.joined"
    FRIEND_ADDED = "friend.added"
    FRIEND_ENDED = "friend.ended"
    SERVING_CHANGED = "serving.changed"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    STOPPED = "contact.stopped"
    STOP_LIFTED = "contact.stop_lifted"
    NOTE_ADDED = "note.added"
    NOTE_TAKEN_BACK = "note.taken_back"
    VISIT_NOTED = "visit.noted"
    VISIT_TAKEN_BACK = "visit.taken_back"
    JOIN_REFUSED = "join.refused"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened; field by field what the timeline's recorder takes."""

    member_id: int
    kind: str
    source: str
    key: str
    occurred_at: datetime
    payload: dict[str, Any] = field(default_factory=dict)
    actor: str = "system"
    identity_id: int | None = None


Recorder = Callable[[Sequence[Any]], int]
_recorders: list[Recorder] = []


def use(recorder: Recorder) -> None:
    """Name the one recorder; a second call replaces it."""
    _recorders[:] = [recorder]


def tell(happenings: Sequence[Happening]) -> int:
    """Record set-wise; return how many were new."""
    if not _recorders:
        raise ImproperlyConfigured("No timeline has given its recorder.")
    return _recorders[0](happenings) if happenings else 0
