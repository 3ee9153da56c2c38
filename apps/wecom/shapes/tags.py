"""Corp tags."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CorpTagItem:
    id: str
    name: str
    order: int


@dataclass(frozen=True, slots=True)
class CorpTagGroup:
    """A group with its tags; WeCom has no empty groups."""

    id: str
    name: str
    order: int
    tags: tuple[CorpTagItem, ...]
