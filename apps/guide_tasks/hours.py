"""Times of day in chain time: hand-out hours for guides, contact hours for customers; and how long
overdue work stays open."""

from datetime import time, timedelta

from django.conf import settings

from apps.core.hours import CARDS_FROM, CARDS_UNTIL, for_cards, is_within, next_within

__all__ = [
    "CONTACT_FROM",
    "CONTACT_UNTIL",
    "HAND_OUT_FROM",
    "HAND_OUT_UNTIL",
    "for_cards",
    "grace",
    "is_within",
    "next_within",
]

HAND_OUT_FROM, HAND_OUT_UNTIL = CARDS_FROM, CARDS_UNTIL
CONTACT_FROM, CONTACT_UNTIL = time(9, 0), time(21, 0)
# how long what is overdue may still be worked on before it counts as expired
_DEFAULT_GRACE_DAYS = 3


def grace() -> timedelta:
    """How long after its due time work stays open, shown as overdue."""
    return timedelta(days=getattr(settings, "TASK_GRACE_DAYS", _DEFAULT_GRACE_DAYS))
