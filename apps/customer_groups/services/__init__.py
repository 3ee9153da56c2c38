"""Writes of the groups' room, by subject."""

from apps.customer_groups.services.codes import change_welcome, make_code, make_welcome, take_back
from apps.customer_groups.services.handover import decide_outside, hand_over_outside
from apps.customer_groups.services.known import time_to_know_groups
from apps.customer_groups.services.mirror import (
    Change,
    dissolve,
    keep_standing,
    mirror_group,
    note_people,
)
from apps.customer_groups.services.owner_sends import (
    forget_owner_sends,
    note_read,
)
from apps.customer_groups.services.reminders import (
    Nudge,
    forget_group_reminders,
    queue_group_reminders,
    send_group_reminders,
)
from apps.customer_groups.services.sends import (
    claim_send_polls,
    decide_group_send,
    drop_group_sends,
    forget_old_sends,
    give_back_send,
    hand_over_sends,
    note_send_asked,
    note_send_cancelled,
    put_off_cancel,
    queue_group_sends,
)

__all__ = [
    "Change",
    "Nudge",
    "change_welcome",
    "claim_send_polls",
    "decide_group_send",
    "decide_outside",
    "dissolve",
    "drop_group_sends",
    "forget_group_reminders",
    "forget_owner_sends",
    "note_read",
    "forget_old_sends",
    "give_back_send",
    "hand_over_outside",
    "hand_over_sends",
    "keep_standing",
    "make_code",
    "make_welcome",
    "mirror_group",
    "note_people",
    "note_send_asked",
    "note_send_cancelled",
    "put_off_cancel",
    "queue_group_reminders",
    "queue_group_sends",
    "send_group_reminders",
    "take_back",
    "time_to_know_groups",
]
