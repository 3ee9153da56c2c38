"""What waits is brought to WeCom: claimed under a lease, marked before the call, written after it.

Making is called once: if the answer is lost, a person decides. Changing and taking back may be
repeated.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import faults, lease, outbox
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.customer_groups.errors import NotUnknown
from apps.customer_groups.models import GroupCode, GroupWelcome, Outside
from apps.customer_groups.services.codes import JOB
from apps.outreach.services import media
from apps.wecom.client import WeComClient
from apps.wecom.errors import MEDIA_UNKNOWN, Refused, WeComError, plain_reason
from apps.wecom.services.rounds import Round

LEASE_SECONDS = 120
BATCH = 50
PATIENCE = Patience(first=timedelta(minutes=1), most=timedelta(minutes=10), tries=8)
GONE = frozenset({41044, 40058})  # what is not there need not be taken back

State = Outside.State
Row = Any  # a GroupCode or a GroupWelcome: the manager of a model is not known to its base


def hand_over_outside(*, now: datetime) -> int:
    """Bring codes and welcomes to WeCom; return how many are settled."""
    run, done = Round(now), 0
    codes = Q(state__in=[State.QUEUED, State.REMOVING]) | Q(state=State.MADE, address="")
    welcomes = Q(state__in=[State.QUEUED, State.CHANGING, State.REMOVING])
    for model, waiting in ((GroupCode, codes), (GroupWelcome, welcomes)):
        manager: Any = model._default_manager
        due = manager.filter(waiting).due(now)
        token, ids = lease.claim(due, now=now, seconds=LEASE_SECONDS, limit=BATCH)
        for pk in ids:
            with outbox.alone("group_thing_failed", kind=model.__name__, thing_id=pk):
                done += _settle(manager, pk, token, run)
    return done


def _settle(manager: Any, pk: int, token: UUID, run: Round) -> bool:
    """One row, one call."""
    row = lease.holds(manager.all(), token).filter(pk=pk).first()
    if row is None:
        return False
    brought = _picture_of(row)
    try:
        media_id = _bring_picture(row, run)
    except WeComError as error:
        _note_failure(manager, row, token, error, run.moment())
        return False
    row = _prepare(manager, pk, token, run.moment(), brought)
    if row is None:
        return False
    faults.point("customer_groups.call_started")
    call = _CALLS[type(row).__name__, row.state]
    try:
        after = call(run.client(row.corp_id), row, media_id)
    except WeComError as error:
        if error.errcode == MEDIA_UNKNOWN:  # the next try uploads it anew
            media.forget(files=[str(row.picture)], corp_id=row.corp_id)
            error.retryable = True
        _note_failure(manager, row, token, error, run.moment())
        return False
    faults.point("customer_groups.called")
    return _write(manager, row, token, reason="", attempts=0, **after)


def _picture_of(row: Row) -> str:
    """The picture that the next call takes along; "" for none."""
    takes_one = row.state in (State.QUEUED, State.CHANGING)
    return str(getattr(row, "picture", "")) if takes_one else ""


def _bring_picture(row: Row, run: Round) -> str:
    """The id under which WeCom has a welcome's picture, "" for what has none: before the mark that
    the call begins, for an upload changes nothing there. Raises WeComError."""
    file = _picture_of(row)
    if not file:
        return ""
    if row.state == State.QUEUED and row.call_started_at is not None:
        return ""  # its worker is gone: nobody knows, and nothing is called
    client = run.client(row.corp_id)
    return media.bring(files=[file], corp_id=row.corp_id, client=client, at=run.moment())[file]


@transaction.atomic
def _prepare(manager: Any, pk: int, token: UUID, at: datetime, brought: str) -> Row | None:
    """The mark that the call begins, with a whole lease for it: pictures of the rows before may
    have used up the one they all had. None where there is nothing to call for."""
    row = manager.held(pk, token)
    if row is None or row.state not in (
        State.QUEUED, State.CHANGING, State.REMOVING, State.MADE
    ):  # fmt: skip
        return None
    if row.state == State.QUEUED and row.call_started_at is not None:
        # the worker that called is gone: nobody knows
        reason = gettext("the reply was lost")
        _write(manager, row, token, state=State.UNKNOWN, unknown_since=at, reason=reason)
        return None
    if _picture_of(row) != brought:  # changed during the upload: the next round brings that one
        row.settle(token)
        wake(JOB)
        return None
    row.lease_until = at + timedelta(seconds=LEASE_SECONDS)
    if row.state == State.QUEUED:
        row.call_started_at = at
    row.save(update_fields=["lease_until", "call_started_at"])
    return row


def _make_code(client: WeComClient, row: GroupCode, _picture: str) -> dict[str, object]:
    config_id = client.add_join_way(
        chat_ids=list(row.groups.order_by("pk").values_list("chat_id", flat=True)),
        state=row.join_state,
        remark=row.name,
        new_groups=row.new_groups,
        base_name=row.base_name,
        base_number=row.base_number,
    )
    return {"state": State.MADE, "wecom_id": config_id}


def _address(client: WeComClient, row: GroupCode, _picture: str) -> dict[str, object]:
    return {"address": client.get_join_way(row.wecom_id).address}


def _make_welcome(client: WeComClient, row: GroupWelcome, picture: str) -> dict[str, object]:
    template_id = client.add_group_welcome(text=row.text, picture=picture, notify=row.notify)
    return {"state": State.MADE, "wecom_id": template_id}


def _change_welcome(client: WeComClient, row: GroupWelcome, picture: str) -> dict[str, object]:
    client.edit_group_welcome(template_id=row.wecom_id, text=row.text, picture=picture)
    return {"state": State.MADE}


def _remove(delete: Callable[[str], None], row: Outside) -> dict[str, object]:
    try:
        delete(row.wecom_id)
    except Refused as error:
        if error.errcode not in GONE:
            raise
    return {"state": State.REMOVED}


def _remove_code(client: WeComClient, row: GroupCode, _picture: str) -> dict[str, object]:
    return _remove(client.delete_join_way, row)


def _remove_welcome(client: WeComClient, row: GroupWelcome, _picture: str) -> dict[str, object]:
    return _remove(client.delete_group_welcome, row)


_CALLS: dict[tuple[str, str], Callable[[WeComClient, Any, str], dict[str, object]]] = {
    ("GroupCode", State.QUEUED): _make_code,
    ("GroupCode", State.MADE): _address,
    ("GroupCode", State.REMOVING): _remove_code,
    ("GroupWelcome", State.QUEUED): _make_welcome,
    ("GroupWelcome", State.CHANGING): _change_welcome,
    ("GroupWelcome", State.REMOVING): _remove_welcome,
}


def _note_failure(manager: Any, row: Row, token: UUID, error: WeComError, at: datetime) -> None:
    reason = plain_reason(error)
    harmless = row.state != State.QUEUED  # only making may not be repeated
    fate = fate_of(error, failed=row.attempts, patience=PATIENCE, at=at, harmless=harmless)
    if fate.lost:
        _write(manager, row, token, state=State.UNKNOWN, unknown_since=at, reason=reason)
        return
    state = State.FAILED if fate.over else row.state
    _write(manager, row, token, state=state, reason=reason, call_started_at=None, **fate.again)


def _write(manager: Any, row: Row, token: UUID, **fields: object) -> bool:
    """Only while the lease is still ours, and only what the row still wants; gives it back."""
    wish = {"state": row.state, "not_before": row.not_before}
    if lease.release(manager.filter(pk=row.pk, **wish), token=token, **fields):
        if fields.get("state") == State.MADE:
            wake(JOB)  # a code's address is asked for next
        return True
    # somebody wished for something else meanwhile: what WeCom gave is kept, the wish stands
    kept = {name: fields[name] for name in ("wecom_id", "address") if name in fields}
    row.settle(token, **kept)
    return False


@transaction.atomic
def decide_outside(*, row: Outside, again: bool, actor: Actor, now: datetime) -> None:
    """A person has looked into WeCom: make it once more, or let it be. Raises NotUnknown."""
    manager: Any = type(row)._default_manager
    held = manager.select_for_update().get(pk=row.pk)
    if held.state != State.UNKNOWN:
        raise NotUnknown()
    held.state = State.QUEUED if again else State.FAILED
    held.call_started_at = held.unknown_since = None
    held.attempts, held.not_before = 0, now
    held.lease_token = held.lease_until = None
    held.save()
    accounts.audit(
        actor=actor,
        action="group_thing.decided",
        object_type=held._meta.label_lower,
        object_id=held.pk,
        detail={"again": again},
    )
    if again:
        wake(JOB)
