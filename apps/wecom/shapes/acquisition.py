"""获客助手: links that lead customers to members."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AcquisitionLink:
    link_id: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class AcquisitionLinkDetail:
    """A link as WeCom has it, and whom it leads to."""

    link_id: str
    name: str
    address: str
    userids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AcquisitionQuota:
    """How many customers links may still bring; `next_expiry` is when the first of them lapse."""

    total: int
    balance: int
    next_expiry: datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkStatistic:
    """People who opened a link, and new customers by it, in the asked time."""

    clicks: int
    new_customers: int
