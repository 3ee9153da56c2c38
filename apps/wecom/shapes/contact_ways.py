"""联系我 codes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContactWay:
    """A 联系我 code: `address` shows the code to whoever opens it."""

    config_id: str
    address: str


@dataclass(frozen=True, slots=True)
class ContactWayDetail:
    """A code as WeCom has it: whom it leads to, and the `state` that comes with its customers."""

    config_id: str
    address: str
    state: str
    userids: tuple[str, ...]
