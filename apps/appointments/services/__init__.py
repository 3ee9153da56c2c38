"""Writes of the appointments' room, by subject."""

from apps.appointments.services.booking import book
from apps.appointments.services.erasure import forget_members
from apps.appointments.services.following import follow_people
from apps.appointments.services.reminders import remind_guides
from apps.appointments.services.settling import (
    CANCEL_REASONS,
    NOT_KEPT_REASONS,
    cancel,
    cancel_by_customer,
    close_unsaid,
    hold_day,
    keep,
    miss,
)

__all__ = [
    "CANCEL_REASONS",
    "NOT_KEPT_REASONS",
    "book",
    "cancel",
    "cancel_by_customer",
    "close_unsaid",
    "follow_people",
    "forget_members",
    "hold_day",
    "keep",
    "miss",
    "remind_guides",
]
