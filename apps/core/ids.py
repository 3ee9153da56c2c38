"""Ids shown outside the house."""

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A version 7 UUID: ordered by the millisecond, random after it. PostgreSQL has it from 18."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return uuid.UUID(int=value)
