"""WeCom's words, turned into calls on the rooms below."""

from apps.wecom_sync.errors import AlreadyRunning, UnknownKind
from apps.wecom_sync.services.callbacks import handle_callbacks
from apps.wecom_sync.services.group_sends import poll_group_sends
from apps.wecom_sync.services.guide_days import look_at_mismatch, read_guide_days
from apps.wecom_sync.services.moment_answers import read_moments
from apps.wecom_sync.services.moments import poll_moments
from apps.wecom_sync.services.moves import decide_move
from apps.wecom_sync.services.own_sends import read_guide_sends, read_owner_sends
from apps.wecom_sync.services.reconciler import (
    KINDS,
    go_on,
    sync_all,
    sync_contacts,
    sync_departments,
    sync_kind,
)
from apps.wecom_sync.services.results import apply_decided, poll_results
from apps.wecom_sync.services.tags import forget_old_words, note_tag_changes, push_tags
from apps.wecom_sync.services.welcomes import take_welcome_codes

__all__ = [
    "KINDS",
    "AlreadyRunning",
    "UnknownKind",
    "apply_decided",
    "decide_move",
    "forget_old_words",
    "go_on",
    "handle_callbacks",
    "look_at_mismatch",
    "note_tag_changes",
    "poll_group_sends",
    "poll_moments",
    "poll_results",
    "push_tags",
    "read_guide_days",
    "read_guide_sends",
    "read_moments",
    "read_owner_sends",
    "sync_all",
    "sync_contacts",
    "sync_departments",
    "sync_kind",
    "take_welcome_codes",
]
