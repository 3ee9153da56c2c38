"""朋友圈 posts."""

from dataclasses import dataclass


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
class MomentAnswers:
    """What customers did under one member's post; never what they wrote."""

    likes: int
    comments: int


@dataclass(frozen=True, slots=True)
class MomentListing:
    moment_id: str
    text: str
