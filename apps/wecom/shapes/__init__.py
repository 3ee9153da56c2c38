"""What the client takes and returns: frozen, typed, in WeCom's own nouns. Times are aware UTC."""

from apps.wecom.shapes.acquisition import (
    AcquisitionLink,
    AcquisitionLinkDetail,
    AcquisitionQuota,
    LinkStatistic,
)
from apps.wecom.shapes.agents import Agent
from apps.wecom.shapes.contact_ways import ContactWay, ContactWayDetail
from apps.wecom.shapes.contacts import Contact, ContactDetail, ContactPage, Follow
from apps.wecom.shapes.directory import Department, DepartmentMember
from apps.wecom.shapes.figures import MemberDay
from apps.wecom.shapes.mass_sends import (
    MassSend,
    MassSendFilter,
    MassSendListing,
    SendResult,
    SendStatus,
    SendTask,
)
from apps.wecom.shapes.media import AttachmentScene, Media, MediaKind
from apps.wecom.shapes.messages import ButtonCard, NoticeResult, TextCard
from apps.wecom.shapes.moments import MomentAnswers, MomentJob, MomentListing, MomentTask
from apps.wecom.shapes.oauth import OAuthUser
from apps.wecom.shapes.tags import CorpTagGroup, CorpTagItem
from apps.wecom.shapes.transfers import (
    TransferResult,
    TransferStart,
    TransferStatus,
    Unassigned,
)

__all__ = [
    "AcquisitionLink",
    "AcquisitionLinkDetail",
    "AcquisitionQuota",
    "Agent",
    "AttachmentScene",
    "ButtonCard",
    "Media",
    "MediaKind",
    "Contact",
    "ContactDetail",
    "ContactPage",
    "ContactWay",
    "ContactWayDetail",
    "CorpTagGroup",
    "CorpTagItem",
    "Department",
    "DepartmentMember",
    "Follow",
    "LinkStatistic",
    "MassSend",
    "MassSendFilter",
    "MassSendListing",
    "MemberDay",
    "MomentAnswers",
    "MomentJob",
    "MomentListing",
    "MomentTask",
    "NoticeResult",
    "OAuthUser",
    "SendResult",
    "SendStatus",
    "SendTask",
    "TextCard",
    "TransferResult",
    "TransferStart",
    "TransferStatus",
    "Unassigned",
]
