"""Writes of the outreach room, by subject."""

from apps.outreach.services.budget import month_use
from apps.outreach.services.handover import send_queued
from apps.outreach.services.links import record_click, take_identified_clicks
from apps.outreach.services.notices import queue_guide_notices, send_notices
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
from apps.outreach.services.unknowns import (
    ListNotReadable,
    NotUnknown,
    decide_unknown,
    resolve_unknowns,
)

__all__ = [
    "AlreadySending",
    "CannotCancel",
    "ListNotReadable",
    "NobodyToSendTo",
    "NotUnknown",
    "Recipient",
    "SendTooLate",
    "TextTooLong",
    "call_off",
    "cancel_dispatch",
    "claim_due_polls",
    "decide_unknown",
    "due_polls",
    "month_use",
    "note_sent",
    "queue_guide_notices",
    "record_click",
    "record_recipient_result",
    "request_mass_send",
    "resolve_unknowns",
    "schedule_next_poll",
    "send_notices",
    "send_queued",
    "settle_expired",
    "take_identified_clicks",
]
