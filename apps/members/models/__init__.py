"""Who: members, the identifiers that lead to them, and every dated relation they have with the
chain."""

from apps.members.models.consents import Consent, StopMark
from apps.members.models.contacts import (
    ConfirmedFact,
    FollowUp,
    Interaction,
    MemberNote,
    VisitReason,
)
from apps.members.models.identities import Member, MemberIdentity, MemberMerge
from apps.members.models.joining import EnrolDraft, JoinReason, JoinRefusal
from apps.members.models.looking import AccessRequest, LookUp, LookUpAlert
from apps.members.models.relations import AddWay, FollowRelation, Hash, ServingPeriod, TsTzRange

__all__ = [
    "AccessRequest",
    "AddWay",
    "ConfirmedFact",
    "Consent",
    "EnrolDraft",
    "FollowRelation",
    "FollowUp",
    "Hash",
    "Interaction",
    "JoinReason",
    "JoinRefusal",
    "LookUp",
    "LookUpAlert",
    "Member",
    "MemberIdentity",
    "MemberMerge",
    "MemberNote",
    "ServingPeriod",
    "StopMark",
    "TsTzRange",
    "VisitReason",
]
