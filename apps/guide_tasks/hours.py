"""Times of day in chain time: hand-out hours for guides, contact hours for customers; and how long
overdue work stays open."""

from datetime import timedelta

from django.conf import settings

from apps.core.hours import for_cards, is_within, next_within

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

# what a push begins with; each may have hours of its own
HAND_OUT_FROM, HAND_OUT_UNTIL = settings.HAND_OUT_FROM, settings.HAND_OUT_UNTIL
CONTACT_FROM, CONTACT_UNTIL = settings.CONTACT_FROM, settings.CONTACT_UNTIL


def grace() -> timedelta:
    """How long after its due time work stays open, shown as overdue."""
    return timedelta(days=settings.TASK_GRACE_DAYS)
