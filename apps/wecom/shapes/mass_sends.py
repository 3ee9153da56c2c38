"""群发: tasks, listings and results."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class SendStatus(IntEnum):
    """What became of a mass send for one customer (`get_groupmsg_send_result`)."""

    NOT_YET = 0
    SENT = 1
    NOT_FRIEND = 2
    OVER_LIMIT = 3

    @classmethod
    def _missing_(cls, value: object) -> "SendStatus":
        # a figure we do not know proves nothing: ask again later
        return cls.NOT_YET


class MassSendFilter(IntEnum):
    """Who created the mass sends to list: the corp, a member personally, or both."""

    CORP = 0
    PERSONAL = 1
    ALL = 2


@dataclass(frozen=True, slots=True)
class MassSend:
    msgid: str
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MassSendListing:
    """`creator` is empty for a mass send made through the API."""

    msgid: str
    creator: str
    created_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class SendTask:
    userid: str
    sent: bool
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class SendResult:
    external_userid: str
    userid: str
    status: SendStatus
    sent_at: datetime | None
