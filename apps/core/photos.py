"""Photos that people of the stores hand in: pictures of a bearable size, kept without notes."""

from django.core.files.base import ContentFile, File
from django.utils.translation import gettext_lazy as _

from apps.core import pictures
from apps.core.errors import DomainError
from apps.core.ids import uuid7

MAX_BYTES = 8 * 1024 * 1024


class PhotoRefused(DomainError):
    code = "photo_refused"
    message = _("This is no picture we can read. Take a photo (JPEG or PNG) and send it again.")


class PhotoTooLarge(DomainError):
    code = "photo_too_large"
    message = _("The photo is over %(limit)s MB. Take it again in a smaller size.")


def place(folder: str, filename: str) -> str:
    """Where a photo lies: the client's own name for it is not kept."""
    return f"{folder}/{uuid7()}.{filename.rpartition('.')[2]}"


def raw_of(sent: File) -> bytes:
    """What was sent; one byte more than is allowed tells that it is too much."""
    raw: bytes = sent.read(MAX_BYTES + 1)
    return raw


def clean(raw: bytes) -> ContentFile:
    """The picture alone, ready to be kept. Raises PhotoRefused, PhotoTooLarge."""
    if len(raw) > MAX_BYTES:
        raise PhotoTooLarge(limit=MAX_BYTES // 1024 // 1024)
    try:
        return pictures.clean(raw)
    except pictures.NotAPicture:
        raise PhotoRefused() from None
