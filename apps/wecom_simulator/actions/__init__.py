"""What people do on their phones, and the callbacks WeCom sends because of it."""

from .base import CHINA, ActionError, require_customer, require_friends, require_user
from .chats import BEHAVIOR, card_of, chat_message, click_card, tell_behavior
from .groups import (
    create_group,
    dismiss_group,
    edit_group,
    group_rows,
    join_group,
    leave_group,
    say_in_group,
)
from .moments import answer_moment, create_personal_moment, publish_moment, shown_to
from .people import add_guide, bulk, confirm_friend, edit_follow, end_follow, seed
from .sends import (
    confirm_send,
    create_personal_send,
    ignore_send,
    is_pending,
    over_cap,
    send_row,
    sends_of,
)
from .shown import chats_of, customer_phone, guide_phone, sms_of
from .staff import create_user, delete_department, edit_user, keep_department, leave_company
from .tags import create_tag, delete_tag, rename_tag, shuffle_tags
from .transfers import refuse_transfer, transfers_shown

__all__ = [
    "BEHAVIOR",
    "CHINA",
    "ActionError",
    "add_guide",
    "answer_moment",
    "bulk",
    "card_of",
    "chat_message",
    "chats_of",
    "click_card",
    "confirm_friend",
    "confirm_send",
    "create_group",
    "create_personal_moment",
    "create_personal_send",
    "create_tag",
    "create_user",
    "customer_phone",
    "delete_department",
    "delete_tag",
    "dismiss_group",
    "edit_follow",
    "edit_group",
    "edit_user",
    "end_follow",
    "group_rows",
    "guide_phone",
    "ignore_send",
    "is_pending",
    "join_group",
    "keep_department",
    "leave_company",
    "leave_group",
    "over_cap",
    "publish_moment",
    "refuse_transfer",
    "rename_tag",
    "require_customer",
    "require_friends",
    "require_user",
    "say_in_group",
    "seed",
    "send_row",
    "sends_of",
    "shown_to",
    "shuffle_tags",
    "sms_of",
    "tell_behavior",
    "transfers_shown",
]
