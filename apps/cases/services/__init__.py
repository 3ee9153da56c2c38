"""Writes of cases."""

from apps.cases.services.erasure import forget_members
from apps.cases.services.news import tell_late
from apps.cases.services.opening import NewCase, open_case, open_cases
from apps.cases.services.photos import add_photos, withdraw_photo
from apps.cases.services.settling import close, hand_back, reopen, take_up

__all__ = [
    "NewCase",
    "add_photos",
    "close",
    "forget_members",
    "hand_back",
    "open_case",
    "open_cases",
    "reopen",
    "take_up",
    "tell_late",
    "withdraw_photo",
]
