"""Writes of the tasks' room, by subject."""

from apps.guide_tasks.services.evidence import (
    apply_result,
    record_contact,
    record_outcome,
    record_purchases,
    take_clicks,
    undo_excuse,
)
from apps.guide_tasks.services.pushes import (
    approve_push,
    close_due,
    create_push,
    delete_draft,
    forecast,
    hand_out,
    hand_out_due,
    tell_issued,
    update_push,
)
from apps.guide_tasks.services.rules import ensure_default_rules, greet_new_friends, run_rules
from apps.guide_tasks.services.sending import (
    note_chat_opened,
    note_sidebar_sent,
    self_report,
    send_to_target,
    send_to_task,
)
from apps.guide_tasks.services.targets import (
    excuse_target,
    expire_due,
    open_task,
    open_tasks,
)
from apps.guide_tasks.services.team import chase

__all__ = [
    "apply_result",
    "approve_push",
    "chase",
    "close_due",
    "create_push",
    "delete_draft",
    "ensure_default_rules",
    "excuse_target",
    "expire_due",
    "forecast",
    "greet_new_friends",
    "hand_out",
    "hand_out_due",
    "note_chat_opened",
    "note_sidebar_sent",
    "open_task",
    "open_tasks",
    "record_contact",
    "record_outcome",
    "record_purchases",
    "run_rules",
    "self_report",
    "send_to_target",
    "send_to_task",
    "take_clicks",
    "tell_issued",
    "undo_excuse",
    "update_push",
]
