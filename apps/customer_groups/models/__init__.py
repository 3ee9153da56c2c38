"""Groups and who was in them, what WeCom keeps for us around them, and sends to them."""

from apps.customer_groups.models.groups import CustomerGroup, GroupMembership
from apps.customer_groups.models.outside import GroupCode, GroupWelcome, Outside
from apps.customer_groups.models.owner_sends import OwnerSend
from apps.customer_groups.models.sends import GroupSend, GroupSendReminder

__all__ = [
    "CustomerGroup",
    "GroupCode",
    "GroupMembership",
    "GroupSend",
    "GroupSendReminder",
    "GroupWelcome",
    "Outside",
    "OwnerSend",
]
