"""A self-built app."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agent:
    """`userids` and `departments` are what the visible range names, not everybody inside it."""

    name: str
    trusted_domain: str
    closed: bool
    userids: tuple[str, ...]
    departments: tuple[int, ...]
