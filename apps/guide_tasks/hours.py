"""Times of day in chain time: hand-out hours for guides, contact hours for customers."""

from datetime import time

from apps.core.hours import is_within, next_within

__all__ = [
    "CONTACT_FROM",
    "CONTACT_UNTIL",
    "HAND_OUT_FROM",
    "HAND_OUT_UNTIL",
    "is_within",
    "next_within",
]

HAND_OUT_FROM, HAND_OUT_UNTIL = time(7, 0), time(23, 0)
CONTACT_FROM, CONTACT_UNTIL = time(9, 0), time(21, 0)
