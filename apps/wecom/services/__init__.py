"""Writes: keep a callback, hand it to a job, note how it ended; connect a corp."""

from apps.wecom.services.connecting import connect_corp, ensure_demo_corp
from apps.wecom.services.inbox import (
    BACK_OFF_SECONDS,
    KEEP_DAYS,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    CallbackBatch,
    Chosen,
    claim_callbacks,
    fail,
    finish,
    finish_all,
    forget_old_callbacks,
    give_back,
    greeted,
    hold_greeting,
    put_off,
    replay,
    replay_chosen,
)
from apps.wecom.services.receiving import receive_callback

__all__ = [
    "BACK_OFF_SECONDS",
    "KEEP_DAYS",
    "LEASE_SECONDS",
    "MAX_ATTEMPTS",
    "CallbackBatch",
    "Chosen",
    "claim_callbacks",
    "connect_corp",
    "ensure_demo_corp",
    "fail",
    "finish",
    "finish_all",
    "forget_old_callbacks",
    "give_back",
    "greeted",
    "hold_greeting",
    "receive_callback",
    "put_off",
    "replay",
    "replay_chosen",
]
