"""继承: customers handed from one member to another, and what became of each."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class TransferStatus(IntEnum):
    DONE = 1
    WAITING = 2
    REFUSED = 3
    FULL = 4
    NO_RECORD = 5


@dataclass(frozen=True, slots=True)
class TransferStart:
    """One customer of a call: `errcode` 0 when WeCom has begun to hand them over."""

    external_userid: str
    errcode: int


@dataclass(frozen=True, slots=True)
class TransferResult:
    """One entry of a pair's list. `takeover_at` is when it happened, or will by itself (24 h after
    the call); empty where it will not. The list mixes attempts."""

    external_userid: str
    status: int
    takeover_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A customer of a member who has left, whom WeCom counts as nobody's."""

    userid: str
    external_userid: str
    left_at: datetime | None
