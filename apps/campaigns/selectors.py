"""Reads of the planning."""

import hashlib

from django.db.models import Count

from apps.campaigns.draw import BUCKETS
from apps.campaigns.models import Campaign, CampaignAssignment


def bucket(salt: bytes, member_id: int) -> int:
    """A member's bucket (0…9999) under a campaign's salt; equal to the SQL byte for byte."""
    digest = hashlib.sha256(bytes(salt) + member_id.to_bytes(8, "big", signed=True)).digest()
    return int.from_bytes(digest[:4], "big") % BUCKETS


def arm_counts(campaign: Campaign) -> dict[str, int]:
    """How many were drawn into each arm."""
    rows = CampaignAssignment.objects.filter(campaign=campaign).order_by().values_list("arm")
    return dict.fromkeys(CampaignAssignment.Arm.values, 0) | dict(rows.annotate(n=Count("pk")))
