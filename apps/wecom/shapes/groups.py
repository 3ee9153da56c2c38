"""Customer groups, the codes that lead into them, and what a mass send to them came to."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class GroupListing:
    """`status`: 0 in order, 1 its owner has left, 2 being handed on, 3 handed on."""

    chat_id: str
    status: int


@dataclass(frozen=True, slots=True)
class GroupPerson:
    """Somebody in a group. `scene`: 1 invited, 2 by a link, 3 by a code; `state` is the code's."""

    ident: str
    is_customer: bool
    joined_at: datetime | None
    scene: int
    invitor: str
    state: str


@dataclass(frozen=True, slots=True)
class GroupDetail:
    """A group as WeCom shows it now; `version` changes with its people."""

    chat_id: str
    name: str
    owner: str
    created_at: datetime | None
    people: tuple[GroupPerson, ...]
    version: str


@dataclass(frozen=True, slots=True)
class JoinWay:
    """A code by which customers join: `address` shows it to whoever opens it."""

    config_id: str
    address: str
    chat_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupSendResult:
    """A group that has the message. Of those that have it not WeCom tells nothing."""

    chat_id: str
    sent_at: datetime | None
