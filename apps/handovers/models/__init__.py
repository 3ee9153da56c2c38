"""Handovers: runs with their customers and calls, the groups that change owners with them, claims
of colleagues, and what the guides who receive customers say to it."""

from apps.handovers.models.claims import OwnershipClaim
from apps.handovers.models.groups import HandoverGroup
from apps.handovers.models.reassignments import Reassignment
from apps.handovers.models.runs import HandoverCall, HandoverItem, HandoverRun
from apps.handovers.models.unassigned import UnassignedLeaver

__all__ = [
    "HandoverCall",
    "HandoverGroup",
    "HandoverItem",
    "HandoverRun",
    "OwnershipClaim",
    "Reassignment",
    "UnassignedLeaver",
]
