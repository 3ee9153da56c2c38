"""Writes of the outreach room, by subject."""

from apps.outreach.services.budget import month_use
from apps.outreach.services.buttons import acknowledge, answer_buttons
from apps.outreach.services.handover import send_queued
from apps.outreach.services.links import (
    guide_pieces,
    record_click,
    share_links,
    take_identified_clicks,
)
from apps.outreach.services.moments import (
    PostNotUnknown,
    decide_moment,
    drop_moment,
    queue_moment,
    send_moments,
)
from apps.outreach.services.notices import (
    GuideCard,
    queue_cards,
    queue_cards_from_select,
    queue_guide_notices,
    send_notices,
)
from apps.outreach.services.own_sends import (
    due_own_sends,
    forget_own_sends,
    keep_listed,
    listed_since,
    next_look,
    note_guide_send,
)
from apps.outreach.services.proposals import (
    AlreadyDecided,
    NotForTheChain,
    NotYoursToDecide,
    keep_from_chain,
    open_to_chain,
    propose_script,
    refuse_script,
    take_script,
)
from apps.outreach.services.reminders import SendNudge, queue_reminders, send_reminders
from apps.outreach.services.results import (
    claim_due_polls,
    due_polls,
    note_sent,
    record_recipient_result,
    schedule_next_poll,
    settle_expired,
)
from apps.outreach.services.sends import (
    AlreadySending,
    CannotCancel,
    NobodyToSendTo,
    Recipient,
    SendTooLate,
    TextTooLong,
    call_off,
    cancel_dispatch,
    request_mass_send,
)
from apps.outreach.services.sms import queue_sms, send_due_sms
from apps.outreach.services.unknowns import (
    ListNotReadable,
    NotUnknown,
    decide_unknown,
    resolve_unknowns,
)
from apps.outreach.services.variants import withdraw_variant, word_script

__all__ = [
    "queue_reminders",
    "send_reminders",
    "AlreadyDecided",
    "AlreadySending",
    "CannotCancel",
    "GuideCard",
    "ListNotReadable",
    "NobodyToSendTo",
    "NotForTheChain",
    "NotUnknown",
    "NotYoursToDecide",
    "PostNotUnknown",
    "Recipient",
    "SendNudge",
    "SendTooLate",
    "TextTooLong",
    "acknowledge",
    "answer_buttons",
    "call_off",
    "cancel_dispatch",
    "claim_due_polls",
    "decide_moment",
    "decide_unknown",
    "drop_moment",
    "due_own_sends",
    "due_polls",
    "forget_own_sends",
    "guide_pieces",
    "keep_from_chain",
    "keep_listed",
    "listed_since",
    "month_use",
    "next_look",
    "note_guide_send",
    "note_sent",
    "open_to_chain",
    "propose_script",
    "queue_cards",
    "queue_cards_from_select",
    "queue_guide_notices",
    "queue_moment",
    "queue_sms",
    "record_click",
    "record_recipient_result",
    "refuse_script",
    "request_mass_send",
    "resolve_unknowns",
    "schedule_next_poll",
    "send_due_sms",
    "send_moments",
    "send_notices",
    "send_queued",
    "settle_expired",
    "share_links",
    "take_identified_clicks",
    "take_script",
    "withdraw_variant",
    "word_script",
]
