"""How large a picture is and how long a film, read off the file; None where it is neither."""

import struct

PNG = b"\x89PNG\r\n\x1a\n"
# start of frame, whatever the coding: height and width follow
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or JPEG."""
    if content.startswith(PNG) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    return _jpeg_size(content) if content.startswith(b"\xff\xd8") else None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker in JPEG_FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def film_seconds(content: bytes) -> float | None:
    """Duration of an MP4, from its `mvhd`."""
    at = content.find(b"mvhd") + 4
    if at < 4 or len(content) < at + 32:
        return None
    layout, start = (">IQ", at + 20) if content[at] == 1 else (">II", at + 12)
    scale, units = struct.unpack_from(layout, content, start)
    return units / scale if scale else None
