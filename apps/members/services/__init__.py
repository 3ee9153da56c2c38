"""Writes of the members' room, by subject."""

from apps.members.services.access import (
    AccessNotNeeded,
    NotYoursToDecide,
    UnknownAccessReason,
    decide_access,
    request_access,
)
from apps.members.services.consents import (
    UnknownPurpose,
    give_consent,
    lift_stop,
    stop_contact,
    withdraw_consent,
)
from apps.members.services.follow_ups import (
    FollowUpDayImpossible,
    end_follow_up,
    set_follow_up,
)
from apps.members.services.identities import (
    ConsentRow,
    MemberRow,
    ResolvedMember,
    resolve_members,
)
from apps.members.services.lookups import (
    TooManyLookUps,
    begin_look_up,
    end_look_up,
    settle_alert,
)
from apps.members.services.notes import (
    EmptyNote,
    NoteIdTaken,
    UnknownFact,
    UnmaskLimitReached,
    UnmaskNotAllowed,
    add_note,
    confirm_fact,
    drop_fact,
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
from apps.members.services.visits import (
    UnknownVisitReason,
    VisitNotYours,
    give_visit_reason,
    note_visit,
)

__all__ = [
    "UnknownFact",
    "confirm_fact",
    "drop_fact",
    "AccessNotNeeded",
    "ConsentRow",
    "EmptyNote",
    "FollowRow",
    "FollowUpDayImpossible",
    "MemberRow",
    "NotYoursToDecide",
    "NoteIdTaken",
    "ResolvedMember",
    "TooManyLookUps",
    "UnknownAccessReason",
    "UnknownPurpose",
    "UnknownVisitReason",
    "UnmaskLimitReached",
    "UnmaskNotAllowed",
    "VisitNotYours",
    "add_note",
    "begin_look_up",
    "decide_access",
    "end_follow",
    "end_follow_up",
    "end_follows",
    "end_look_up",
    "give_consent",
    "give_visit_reason",
    "lift_stop",
    "note_visit",
    "record_interaction",
    "request_access",
    "resolve_members",
    "set_follow_up",
    "set_serving_guide",
    "settle_alert",
    "start_follow",
    "start_follows",
    "stop_contact",
    "unmask_phone",
    "withdraw_consent",
]
