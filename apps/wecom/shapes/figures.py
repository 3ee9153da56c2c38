"""What WeCom counts about members."""

from dataclasses import dataclass
from datetime import date


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
