"""Handovers: runs with their customers and calls, and the groups that change owners with them."""

from apps.handovers.models.groups import HandoverGroup
from apps.handovers.models.runs import HandoverCall, HandoverItem, HandoverRun
from apps.handovers.models.unassigned import UnassignedLeaver

__all__ = ["HandoverCall", "HandoverGroup", "HandoverItem", "HandoverRun", "UnassignedLeaver"]
