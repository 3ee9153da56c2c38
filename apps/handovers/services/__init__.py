"""Writes of handovers: planned, allowed, begun, called, asked about, settled; accepted by who
receives."""

from apps.handovers.services.accepting import accept, question, settle, tell_unaccepted
from apps.handovers.services.asking import ask_results, hear_of_failure
from apps.handovers.services.calling import send_calls
from apps.handovers.services.claiming import claim_member, decide_claim, withdraw_claim
from apps.handovers.services.giving import end_cover, share_members, start_cover
from apps.handovers.services.group_calls import send_groups
from apps.handovers.services.group_looks import look_at_groups
from apps.handovers.services.keeping import keep_in_store
from apps.handovers.services.planning import change_successor, drop_run, plan_run
from apps.handovers.services.running import decide_run, may_approve, start_run, try_again
from apps.handovers.services.unassigned import hold_against_ours, keep_unassigned

__all__ = [
    "accept",
    "ask_results",
    "change_successor",
    "claim_member",
    "decide_claim",
    "decide_run",
    "drop_run",
    "end_cover",
    "hear_of_failure",
    "hold_against_ours",
    "keep_in_store",
    "keep_unassigned",
    "look_at_groups",
    "may_approve",
    "plan_run",
    "question",
    "send_calls",
    "send_groups",
    "settle",
    "share_members",
    "start_cover",
    "start_run",
    "tell_unaccepted",
    "try_again",
    "withdraw_claim",
]
