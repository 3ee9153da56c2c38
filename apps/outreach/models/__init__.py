"""How words reach people: scripts, the outbox of sends with each receiver's result, notices,
tracked links."""

from apps.outreach.models.links import (
    LinkClick,
    TrackedLink,
    new_link_code,
)
from apps.outreach.models.moments import (
    MomentPost,
    MomentReading,
)
from apps.outreach.models.notices import (
    ButtonAnswer,
    GuideNotice,
)
from apps.outreach.models.own_sends import (
    GuideSend,
    OwnSend,
)
from apps.outreach.models.scripts import (
    Attachment,
    ContentAsset,
    MediaUpload,
    MessageTemplate,
)
from apps.outreach.models.sends import (
    ContactBudget,
    Dispatch,
    DispatchRecipient,
    Reminder,
    SendReminder,
)
from apps.outreach.models.sms import (
    SmsMessage,
)
from apps.outreach.models.welcomes import (
    Welcome,
)
from apps.outreach.models.wordings import (
    ScriptProposal,
    ScriptVariant,
)

__all__ = [
    "Attachment",
    "ButtonAnswer",
    "ContactBudget",
    "ContentAsset",
    "Dispatch",
    "DispatchRecipient",
    "GuideNotice",
    "GuideSend",
    "LinkClick",
    "MediaUpload",
    "MessageTemplate",
    "MomentPost",
    "MomentReading",
    "OwnSend",
    "Reminder",
    "ScriptProposal",
    "ScriptVariant",
    "SendReminder",
    "SmsMessage",
    "TrackedLink",
    "Welcome",
    "new_link_code",
]
