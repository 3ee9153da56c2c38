"""Writes of the tasks' room, by subject."""

from apps.guide_tasks.services.arrivals import record_visit, take_back_visit
from apps.guide_tasks.services.coupons import (
    Given,
    coupons_opened,
    give_coupon,
    hand_gift_over,
    say_again,
)
from apps.guide_tasks.services.evidence import (
    apply_result,
    record_contact,
    record_outcome,
    record_purchases,
    take_clicks,
    undo_excuse,
)
from apps.guide_tasks.services.items.acts import (
    approve_item,
    expire_items,
    hand_in_photo,
    open_items,
    record_published,
    refuse_item,
    report_item,
    withdraw_photo,
)
from apps.guide_tasks.services.items.excuses import excuse_item, undo_item_excuse
from apps.guide_tasks.services.items.group_sends import record_group_sent, remind_owners
from apps.guide_tasks.services.items.leading import chase_items, extend_item, withdraw_item
from apps.guide_tasks.services.items.pushes import (
    WantedItems,
    create_item_push,
    withdraw_item_push,
)
from apps.guide_tasks.services.items.quotas import count_quotas
from apps.guide_tasks.services.personal import note_personal_chat, send_personal
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
from apps.guide_tasks.services.recalling import extend_task, withdraw_target
from apps.guide_tasks.services.rules import (
    daily_rules_due,
    ensure_default_rules,
    greet_new_friends,
    run_daily_rules,
    run_rules,
)
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
from apps.guide_tasks.services.team import chase, chase_acknowledged, escalate_overdue

__all__ = [
    "WantedItems",
    "Given",
    "coupons_opened",
    "give_coupon",
    "hand_gift_over",
    "note_personal_chat",
    "say_again",
    "send_personal",
    "apply_result",
    "approve_item",
    "approve_push",
    "chase",
    "chase_acknowledged",
    "chase_items",
    "escalate_overdue",
    "close_due",
    "count_quotas",
    "create_item_push",
    "create_push",
    "daily_rules_due",
    "delete_draft",
    "ensure_default_rules",
    "excuse_item",
    "excuse_target",
    "expire_due",
    "expire_items",
    "extend_item",
    "extend_task",
    "forecast",
    "greet_new_friends",
    "hand_in_photo",
    "hand_out",
    "hand_out_due",
    "note_chat_opened",
    "note_sidebar_sent",
    "open_items",
    "open_task",
    "open_tasks",
    "record_contact",
    "record_outcome",
    "record_group_sent",
    "record_published",
    "record_purchases",
    "record_visit",
    "refuse_item",
    "remind_owners",
    "report_item",
    "run_daily_rules",
    "run_rules",
    "self_report",
    "send_to_target",
    "send_to_task",
    "take_clicks",
    "tell_issued",
    "undo_excuse",
    "undo_item_excuse",
    "update_push",
    "take_back_visit",
    "withdraw_item",
    "withdraw_item_push",
    "withdraw_photo",
    "withdraw_target",
]
