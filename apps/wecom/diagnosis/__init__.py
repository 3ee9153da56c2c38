"""Is this corp connected rightly? Each step: what was found, why, where it is mended."""

from apps.wecom.diagnosis.causes import Cause, cause_of
from apps.wecom.diagnosis.checks import (
    check,
    check_all,
    confirm,
    note_url_check,
    note_url_refused,
    steps_of,
)

__all__ = [
    "Cause",
    "cause_of",
    "check",
    "check_all",
    "confirm",
    "note_url_check",
    "note_url_refused",
    "steps_of",
]
