"""Ids shown outside the house, and ids as forms and addresses bring them."""

import os
import time
import uuid
from collections.abc import Iterable

# of a row's number: no column holds more
MOST_DIGITS = 18


def uuid7() -> uuid.UUID:
    """A version 7 UUID: ordered by the millisecond, random after it. PostgreSQL has it from 18."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return uuid.UUID(int=value)


def row_id(text: str) -> int:
    """The number of a row; 0, which none has, for what can be none's."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else 0


def row_ids(texts: Iterable[str]) -> list[int]:
    """Those that can be a row's; what cannot is left out."""
    return [number for text in texts if (number := row_id(text))]
