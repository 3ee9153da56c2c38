"""What WeCom says about a send: who confirmed, what each customer got, what ran out."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.core import lease
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.outreach.services import budget, polling, receivers

POLL_LEASE_SECONDS = 60

State = Dispatch.State
Result = DispatchRecipient.State

# What WeCom said last counts over what we assumed when the time was over.
_OPEN_FOR_RESULT = (Result.WAITING, Result.NOT_SENT)


def due_polls(*, now: datetime, limit: int = 200) -> list[int]:
    """Sends whose result is to be asked for now."""
    return list(_due(now).values_list("pk", flat=True)[:limit])


def claim_due_polls(*, now: datetime, limit: int = 200) -> tuple[UUID, list[int]]:
    """The same, leased: one worker asks about one send."""
    return lease.claim(_due(now), now=now, seconds=POLL_LEASE_SECONDS, limit=limit)


def _due(now: datetime):
    return Dispatch.objects.filter(
        state__in=[State.HANDED_OVER, State.SENT], next_poll_at__lte=now
    ).order_by("next_poll_at", "pk")


def give_back_polls(*, token: UUID, now: datetime, wait: timedelta) -> int:
    """It is not our turn at WeCom: what this lease still holds is asked when `wait` is over."""
    return lease.release(Dispatch.objects.all(), token=token, next_poll_at=now + wait)


@transaction.atomic
def note_sent(*, dispatch: Dispatch, at: datetime) -> None:
    """The guide confirmed on the phone."""
    Dispatch.objects.filter(pk=dispatch.pk, state=State.HANDED_OVER).update(
        state=State.SENT, sent_at=at
    )


@transaction.atomic
def record_recipient_result(
    *, dispatch: Dispatch, external_userid: str, status: str, at: datetime, sender_userid: str
) -> DispatchRecipient | None:
    """Keep WeCom's word on one customer; the receiver when that was news, else None.

    `status` is a DispatchRecipient.State. `sender_userid` is who really sent it: it may be another
    than the guide we named.
    """
    receiver = (
        DispatchRecipient.objects.select_for_update()
        .filter(dispatch=dispatch, external_userid=external_userid, state__in=_OPEN_FOR_RESULT)
        .first()
    )
    if receiver is None:
        return None
    receiver.state, receiver.result_at = Result(status), at
    receiver.sender_userid = sender_userid
    asked = dispatch.guide.wecom_userid or ""  # WeCom may write an id in another case
    receiver.by_another = bool(sender_userid) and sender_userid.lower() != asked.lower()
    receiver.applied_at = None
    receiver.save(update_fields=["state", "result_at", "sender_userid", "by_another", "applied_at"])
    if receiver.state == Result.DELIVERED:
        budget.take_places(receivers=[receiver], now=at)  # given back when it was thought unsent
    else:
        budget.give_back(receiver_ids=[receiver.pk])
    if receiver.state == Result.OVER_LIMIT:
        budget.fill_up(member_ids=[receiver.member_id], now=at)
    return receiver


@transaction.atomic
def schedule_next_poll(*, dispatch: Dispatch, now: datetime, token: UUID | None = None) -> None:
    """After a look: done when every customer has a result, else say when to look again.

    With a token nothing happens unless the lease is still ours.
    """
    rows = Dispatch.objects.select_for_update().filter(
        pk=dispatch.pk, state__in=[State.HANDED_OVER, State.SENT]
    )
    row = (lease.holds(rows, token) if token else rows).first()
    if row is None:
        return
    results = set(row.recipients.values_list("state", flat=True))
    row.polls += 1
    row.lease_token = row.lease_until = None
    if Result.WAITING in results:
        row.next_poll_at = polling.next_poll_at(row, now)
    else:
        row.next_poll_at = None
        row.state = State.DELIVERED if Result.DELIVERED in results else State.FAILED
    row.save(update_fields=["polls", "lease_token", "lease_until", "next_poll_at", "state"])


@transaction.atomic
def settle_expired(*, dispatch: Dispatch, now: datetime) -> int:
    """The time is over and WeCom was told to stop: who has no result yet was not sent to.

    Without a message id there was nothing to ask by and nothing to stop, only a person's word that
    it was sent: its receivers stay undecided, so that nobody writes to them a second time.
    """
    row = (
        Dispatch.objects.select_for_update()
        .filter(pk=dispatch.pk, state__in=[State.HANDED_OVER, State.SENT], expires_at__lte=now)
        .first()
    )
    if row is None:
        return 0
    unsent = receivers.not_sent(dispatch=row, at=now) if row.msgid else 0
    delivered = row.recipients.filter(state=Result.DELIVERED).exists()
    if delivered or row.msgid:
        row.state = State.DELIVERED if delivered else State.EXPIRED
    row.next_poll_at = row.lease_token = row.lease_until = None
    row.save(update_fields=["state", "next_poll_at", "lease_token", "lease_until"])
    return unsent


@transaction.atomic
def expire_unsent(*, now: datetime, limit: int = 500) -> int:
    """Sends that never got to WeCom before their time was over."""
    never_called = Dispatch.objects.filter(
        state__in=[State.PLANNED, State.HELD], expires_at__lte=now
    ).select_for_update(skip_locked=True)
    rows = list(never_called.order_by("pk")[:limit])
    for row in rows:
        receivers.not_sent(dispatch=row, at=now)
    Dispatch.objects.filter(pk__in=[row.pk for row in rows]).update(state=State.EXPIRED)
    return len(rows)


def untold_results(*, after: int = 0, limit: int = 500) -> list[DispatchRecipient]:
    """Decided receivers that the rooms above have not noted, by id; locked for this transaction."""
    untold = DispatchRecipient.objects.filter(applied_at=None, pk__gt=after).exclude(
        state=Result.WAITING
    )
    locked = untold.select_for_update(skip_locked=True, of=("self",)).select_related("dispatch")
    return list(locked.order_by("pk")[:limit])


def mark_told(*, receiver_ids: list[int], now: datetime) -> None:
    """The rooms above know these results now."""
    DispatchRecipient.objects.filter(pk__in=receiver_ids).update(applied_at=now)
