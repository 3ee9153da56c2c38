"""Writes of the groups' room, by subject."""

from apps.customer_groups.services.codes import change_welcome, make_code, make_welcome, take_back
from apps.customer_groups.services.handover import decide_outside, hand_over_outside
from apps.customer_groups.services.mirror import (
    Change,
    dissolve,
    keep_standing,
    mirror_group,
    note_people,
)

__all__ = [
    "Change",
    "change_welcome",
    "decide_outside",
    "dissolve",
    "hand_over_outside",
    "keep_standing",
    "make_code",
    "make_welcome",
    "mirror_group",
    "note_people",
    "take_back",
]
