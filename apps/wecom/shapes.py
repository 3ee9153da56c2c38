"""What the client takes and returns: frozen, typed, in WeCom's own nouns. Times are aware UTC."""

from dataclasses import dataclass
from datetime import date, datetime
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


@dataclass(frozen=True, slots=True)
class MomentJob:
    """The making of a post: `moment_id` once it exists or `refused`, the errcode; empty before."""

    moment_id: str
    refused: int


@dataclass(frozen=True, slots=True)
class MomentTask:
    userid: str
    published: bool


@dataclass(frozen=True, slots=True)
class MomentListing:
    moment_id: str
    text: str


@dataclass(frozen=True, slots=True)
class MemberDay:
    """What WeCom counted about a member on a day. Share and time are None on a day on which no
    customer began a chat."""

    on: date
    friend_requests: int
    new_friends: int
    chats: int
    messages: int
    reply_percent: float | None
    first_reply_minutes: int | None
    negative: int


@dataclass(frozen=True, slots=True)
class TextCard:
    """`button` is at most four characters on the phone."""

    title: str
    description: str
    url: str
    button: str = "详情"


@dataclass(frozen=True, slots=True)
class NoticeResult:
    """`invalid` holds the userids, spelt as given, that WeCom could not deliver to."""

    msgid: str
    invalid: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Department:
    id: int
    name: str
    parent_id: int
    order: int = 0


@dataclass(frozen=True, slots=True)
class DepartmentMember:
    """`status`: 1 active, 2 disabled, 4 not activated, 5 left."""

    userid: str
    name: str
    departments: tuple[int, ...]
    position: str
    status: int


@dataclass(frozen=True, slots=True)
class Contact:
    """`type`: 1 WeChat user, 2 WeCom user. `gender`: 0 unknown, 1 male, 2 female."""

    external_userid: str
    name: str
    unionid: str
    gender: int
    type: int


@dataclass(frozen=True, slots=True)
class Follow:
    userid: str
    remark: str
    created_at: datetime | None
    state: str
    add_way: int
    remark_mobiles: tuple[str, ...]
    tag_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContactPage:
    """One page of friendships; `next_cursor` is empty on the last."""

    items: tuple[tuple[Contact, Follow], ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class ContactDetail:
    contact: Contact
    follows: tuple[Follow, ...]


@dataclass(frozen=True, slots=True)
class OAuthUser:
    """Who tapped: a member has `userid`, a customer `external_userid`, a stranger only `openid`."""

    userid: str | None
    external_userid: str | None
    openid: str | None


@dataclass(frozen=True, slots=True)
class ContactWay:
    """A 联系我 code: `address` shows the code to whoever opens it."""

    config_id: str
    address: str
