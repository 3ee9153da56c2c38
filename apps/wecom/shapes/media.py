"""Files that WeCom keeps for us for three days."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class MediaKind(StrEnum):
    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    FILE = "file"


class AttachmentScene(IntEnum):
    """Where an uploaded attachment may be used: moments posts, or the product album."""

    MOMENTS = 1
    ALBUM = 2


@dataclass(frozen=True, slots=True)
class Media:
    """`media_id` is good until `expires_at` and in every app of the corp."""

    media_id: str
    kind: MediaKind
    created_at: datetime
    expires_at: datetime
