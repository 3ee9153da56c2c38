"""WeCom's words, turned into calls on the rooms below."""

from apps.wecom_sync.services.callbacks import handle_callbacks
from apps.wecom_sync.services.guide_days import look_at_mismatch, read_guide_days
from apps.wecom_sync.services.moments import poll_moments
from apps.wecom_sync.services.reconcile import (
    AlreadyRunning,
    sync_all,
    sync_contacts,
    sync_departments,
)
from apps.wecom_sync.services.results import apply_decided, poll_results

__all__ = [
    "AlreadyRunning",
    "apply_decided",
    "handle_callbacks",
    "look_at_mismatch",
    "poll_moments",
    "poll_results",
    "read_guide_days",
    "sync_all",
    "sync_contacts",
    "sync_departments",
]
