"""Pictures from outside: really a picture, without place and device.

A phone or a camera writes where and with what a picture was taken into it; what is kept here is
the picture and which way is up.
"""

import re
import struct
from collections.abc import Iterator

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse

MAX_SIDE = 12_000
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_END = b"\xff\xd9"
# inside a scan 0xff is followed by a zero or is a restart; anything else begins the next part
_NEXT_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _EXIF, _COMMENT = 0xDA, 0xE1, 0xFE
# colour profile and Adobe's colour mark; every other note of the camera is left out
_KEPT_NOTES = frozenset({0xE0, 0xE2, 0xEE})
_DRAWING = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sRGB", b"iCCP"})
_ORIENTATION = 0x0112


class NotAPicture(ValueError):
    """Neither a JPEG nor a PNG that can be read."""


def media_type(name: str) -> str:
    return "image/png" if name.endswith(".png") else "image/jpeg"


def picture_response(name: str) -> HttpResponse:
    """A kept picture as what it is, whatever a browser would like to guess. Raises Http404."""
    if not name:
        raise Http404
    try:
        with default_storage.open(name, "rb") as kept:
            return HttpResponse(kept.read(), content_type=media_type(name))
    except OSError:
        raise Http404 from None


def clean(raw: bytes) -> ContentFile:
    """The picture alone, ready to be kept. Raises NotAPicture."""
    try:
        if raw.startswith(_JPEG):
            return ContentFile(_clean_jpeg(raw), name="photo.jpg")
        if raw.startswith(_PNG):
            return ContentFile(_clean_png(raw), name="photo.png")
    except (struct.error, IndexError):
        raise NotAPicture from None
    raise NotAPicture


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise NotAPicture


def _clean_jpeg(raw: bytes) -> bytes:
    kept, seen, upright = [], set(), 1
    for code, part in _jpeg_parts(raw):
        seen.add(code)
        if code in _FRAMES:
            height, width = struct.unpack(">HH", part[5:9])
            _check_size(width, height)
        if code == _EXIF:
            upright = _orientation(part[4:]) or upright
        elif not (0xE0 <= code <= 0xEF or code == _COMMENT) or code in _KEPT_NOTES:
            kept.append(part)
    if _SCAN not in seen or not seen & _FRAMES:
        raise NotAPicture
    return _JPEG[:2] + _upright(upright) + b"".join(kept) + _END


def _jpeg_parts(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Mark and bytes of every part until the picture's end. Behind it some phones hang a film or a
    second picture with notes of its own: nobody reads that far."""
    at = 2
    while raw[at : at + 2] != _END:
        mark, code, length = struct.unpack(">BBH", raw[at : at + 4])
        end = at + 2 + length
        if mark != 0xFF or length < 2 or end > len(raw):
            raise NotAPicture
        if code == _SCAN:
            following = _NEXT_MARK.search(raw, end)
            if following is None:
                raise NotAPicture
            end = following.start()
        yield code, raw[at:end]
        at = end


def _orientation(note: bytes) -> int:
    """Which way is up, by the camera; 0 when it does not say."""
    if not note.startswith(b"Exif\0\0"):
        return 0
    tiff = note[6:]
    order = ">" if tiff.startswith(b"MM") else "<"
    (first,) = struct.unpack(f"{order}I", tiff[4:8])
    (entries,) = struct.unpack(f"{order}H", tiff[first : first + 2])
    for number in range(min(entries, 64)):
        begin = first + 2 + 12 * number
        tag, _kind, _count, value = struct.unpack(f"{order}HHIH", tiff[begin : begin + 10])
        if tag == _ORIENTATION:
            return value if 1 <= value <= 8 else 0
    return 0


def _upright(orientation: int) -> bytes:
    """A note with nothing in it but which way is up."""
    if orientation == 1:
        return b""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return struct.pack(">BBH", 0xFF, _EXIF, len(body) + 2) + body


def _clean_png(raw: bytes) -> bytes:
    width, height = struct.unpack(">II", raw[16:24])
    _check_size(width, height)
    kept, at, name = [_PNG], len(_PNG), b""
    while name != b"IEND":
        length, name = struct.unpack(">I4s", raw[at : at + 8])
        end = at + 12 + length
        if end > len(raw):
            raise NotAPicture
        if name in _DRAWING:
            kept.append(raw[at:end])
        at = end
    return b"".join(kept)
