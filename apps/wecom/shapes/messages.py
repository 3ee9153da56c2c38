"""Cards to members."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextCard:
    """`button` is at most four characters on the phone."""

    title: str
    description: str
    url: str
    button: str = "详情"


@dataclass(frozen=True, slots=True)
class ButtonCard:
    """A card with one button whose press WeCom tells us; a tap anywhere else opens `url`.

    `task_id` is ours, unique for each app: digits, letters and `_-@`.
    """

    title: str
    description: str
    url: str
    task_id: str
    key: str
    button: str


@dataclass(frozen=True, slots=True)
class NoticeResult:
    """`invalid` holds the userids, spelt as given, that WeCom could not deliver to."""

    msgid: str
    invalid: tuple[str, ...]
