"""A made-up photo of a shelf, drawn in code: a PNG of flat colours, nobody's work but ours."""

import struct
import zlib

_WIDTH, _HEIGHT = 480, 360
_WALL, _PLANK, _FLOOR, _LAMP = (238, 232, 222), (150, 108, 72), (196, 184, 168), (255, 250, 232)
_BOOTS = ((52, 44, 40), (134, 78, 46), (112, 30, 40), (176, 140, 96))
_SHELVES = (150, 290)
_PLANK_HEIGHT, _BOOT_HEIGHT, _STEP = 12, 84, 110


def _boot(x: int, up: int) -> tuple[int, int, int] | None:
    """The colour of a boot that stands there: a shaft, a foot before it, a lighter sole."""
    if not 0 <= up < _BOOT_HEIGHT:
        return None
    number, inside = divmod(x - 36, _STEP)
    if not 0 <= number < len(_BOOTS):
        return None
    toe = 34 if up >= 26 else 72 - max(0, up - 14)
    if not 0 <= inside < toe:
        return None
    return (232, 222, 206) if up < 5 else _BOOTS[number]


def _pixel(x: int, y: int) -> tuple[int, int, int]:
    for top in _SHELVES:
        if top <= y < top + _PLANK_HEIGHT:
            return _PLANK
        boot = _boot(x, top - 1 - y)
        if boot is not None:
            return boot
    if y < 10 and x % 120 > 40:
        return _LAMP
    return _FLOOR if y >= _SHELVES[-1] + 40 else _WALL


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def shelf() -> bytes:
    """Two shelves with boots on them."""
    lines = b"".join(
        b"\0" + b"".join(bytes(_pixel(x, y)) for x in range(_WIDTH)) for y in range(_HEIGHT)
    )
    head = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(lines))
        + _chunk(b"IEND", b"")
    )
