"""How WeCom's answers are written, and what our own types make of them."""

from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), tz=UTC) if seconds else None
