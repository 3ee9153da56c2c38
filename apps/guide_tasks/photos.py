"""Photos that guides hand in: really a picture, of a bearable size, without place and device."""

from typing import Any

from django.core.files.base import ContentFile

from apps.core import pictures
from apps.core.ids import uuid7
from apps.guide_tasks.errors import PhotoRefused, PhotoTooLarge

MAX_BYTES = 8 * 1024 * 1024


def place(instance: Any, filename: str) -> str:
    """Where a photo lies: the client's own name for it is not kept."""
    return f"items/{uuid7()}.{filename.rpartition('.')[2]}"


def clean(raw: bytes) -> ContentFile:
    """The picture alone, ready to be kept. Raises PhotoRefused, PhotoTooLarge."""
    if len(raw) > MAX_BYTES:
        raise PhotoTooLarge(limit=MAX_BYTES // 1024 // 1024)
    try:
        return pictures.clean(raw)
    except pictures.NotAPicture:
        raise PhotoRefused() from None
