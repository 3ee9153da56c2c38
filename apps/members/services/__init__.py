"""Writes of the members' room, by subject."""

from apps.members.services.consents import (
    UnknownPurpose,
    give_consent,
    lift_stop,
    stop_contact,
    withdraw_consent,
)
from apps.members.services.identities import (
    ConsentRow,
    MemberRow,
    ResolvedMember,
    resolve_members,
)
from apps.members.services.notes import (
    EmptyNote,
    NoteIdTaken,
    UnmaskLimitReached,
    UnmaskNotAllowed,
    add_note,
    record_interaction,
    unmask_phone,
)
from apps.members.services.relations import (
    FollowRow,
    end_follow,
    end_follows,
    set_serving_guide,
    start_follow,
    start_follows,
)

__all__ = [
    "ConsentRow",
    "EmptyNote",
    "FollowRow",
    "MemberRow",
    "NoteIdTaken",
    "ResolvedMember",
    "UnknownPurpose",
    "UnmaskLimitReached",
    "UnmaskNotAllowed",
    "add_note",
    "end_follow",
    "end_follows",
    "give_consent",
    "lift_stop",
    "record_interaction",
    "resolve_members",
    "set_serving_guide",
    "start_follow",
    "start_follows",
    "stop_contact",
    "unmask_phone",
    "withdraw_consent",
]
