"""What became of the receivers of a send: the one place where their state changes."""

from collections.abc import Collection, Mapping
from datetime import datetime

from apps.core.wake import wake
from apps.outreach import policy
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.outreach.services import budget

RESULTS_JOB = "wecom_sync.poll_results"

State = DispatchRecipient.State

# what our own policy found out is the same finding as when WeCom says it
_STATE_OF_REFUSAL = {
    policy.Refusal.NOT_FRIEND: State.NOT_FRIEND,
    policy.Refusal.BUDGET: State.OVER_LIMIT,
}


def refuse_by_policy(
    *,
    refusals: Mapping[int, policy.Refusal],
    receivers: Collection[DispatchRecipient],
    at: datetime,
) -> None:
    """Leave these receivers out (receiver id → reason), each with its sentence."""
    rows = [row for row in receivers if row.pk in refusals]
    for row in rows:
        refusal = refusals[row.pk]
        row.state = _STATE_OF_REFUSAL.get(refusal, State.REFUSED)
        row.refusal, row.reason = refusal.value, policy.sentence(refusal)
        row.result_at = at
    DispatchRecipient.objects.bulk_update(rows, ["state", "refusal", "reason", "result_at"])
    _settled([row.pk for row in rows])


def refuse_by_wecom(
    *, dispatch: Dispatch, reason: str, at: datetime, only: Collection[str] | None = None
) -> None:
    """WeCom took the call but not these customers (default: none of them)."""
    waiting = DispatchRecipient.objects.filter(dispatch=dispatch, state=State.WAITING)
    if only is not None:
        waiting = waiting.filter(external_userid__in=only)
    ids = list(waiting.values_list("pk", flat=True))
    DispatchRecipient.objects.filter(pk__in=ids).update(
        state=State.REFUSED, refusal="wecom", reason=reason, result_at=at
    )
    _settled(ids)


def not_sent(*, dispatch: Dispatch, at: datetime, sources: Collection[str] | None = None) -> int:
    """Nobody sent it and nobody will: free the sources (default: all) for another try.

    Returns how many.
    """
    waiting = DispatchRecipient.objects.filter(dispatch=dispatch, state=State.WAITING)
    if sources is not None:
        waiting = waiting.filter(source__in=sources)
    ids = list(waiting.values_list("pk", flat=True))
    DispatchRecipient.objects.filter(pk__in=ids).update(state=State.NOT_SENT, result_at=at)
    _settled(ids)
    return len(ids)


def _settled(ids: list[int]) -> None:
    if ids:
        budget.give_back(receiver_ids=ids)
        wake(RESULTS_JOB)  # the rooms above read what was decided here
