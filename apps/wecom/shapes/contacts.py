"""Customers and their friendships."""

from dataclasses import dataclass
from datetime import datetime


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
