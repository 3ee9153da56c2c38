"""A send is asked for or called off. Nothing here talks to WeCom: a row is left for a job."""

from collections.abc import Collection, Sequence
from datetime import datetime, time
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core.errors import DomainError
from apps.core.wake import wake
from apps.outreach.attachments import Piece, demand_few
from apps.outreach.models import (
    ContentAsset,
    Dispatch,
    DispatchRecipient,
    TrackedLink,
    new_link_code,
)
from apps.outreach.services import receivers
from apps.outreach.services.links import card_addresses, link_address, with_codes
from apps.stores.models import Guide

SEND_JOB = "outreach.send_queued"
MAX_TEXT_BYTES = 4_000  # WeCom's limit, our link included
_ONE_UNDECIDED = "outreach_one_undecided_send"

State = Dispatch.State


class Recipient(NamedTuple):
    """One customer: `source` is what the send is for, e.g. `task_target:81`."""

    member_id: int
    external_userid: str
    source: str


class AlreadySending(DomainError):
    code = "already_sending"
    message = _("A message to this customer is on its way already.")


class NobodyToSendTo(DomainError):
    code = "nobody_to_send_to"
    message = _("There is nobody to send this to.")


class SendTooLate(DomainError):
    code = "send_too_late"
    message = _("The time for this message is over.")


class TextTooLong(DomainError):
    code = "text_too_long"
    message = _("The text is too long for WeCom.")


class CannotCancel(DomainError):
    code = "cannot_cancel"
    message = _("This message is just being handed to WeCom. Try again in a moment.")


def _with_link(text: str, code: str) -> str:
    whole = f"{text.rstrip()}\n{link_address(code)}"
    if len(whole.encode()) > MAX_TEXT_BYTES:
        raise TextTooLong()
    return whole


def request_mass_send(
    *,
    guide: Guide,
    recipients: Sequence[tuple[int, str, str]],
    text: str,
    asset: ContentAsset | None,
    source: str,
    idem_key: str,
    not_before: datetime,
    expires_at: datetime,
    marketing: bool,
    now: datetime,
    actor: Actor,
    contact_hours: tuple[time, time] | None = None,
    attachments: Sequence[Piece] = (),
    page: str = "",
) -> Dispatch:
    """Leave one mass send in the name of `guide`; the same `idem_key` gives the same one again.

    `contact_hours` (chain-local, from and until) are kept with it: also a late worker hands it
    over only inside them.

    A tracked link is made and put under the text: its code is also how the send is found in WeCom's
    list should the reply to our call get lost; it leads to `page`, where one of ours is named. A
    link beside the text leads through one of its own.
    Raises AlreadySending while a source has an undecided receiver, NobodyToSendTo, SendTooLate,
    TextTooLong, TooManyAttachments.
    """
    known = Dispatch.objects.filter(idem_key=idem_key).first()
    if known is not None:
        return known
    wanted = [Recipient(*recipient) for recipient in recipients]
    if not wanted:
        raise NobodyToSendTo()
    if expires_at <= max(now, not_before):
        raise SendTooLate()
    demand_few(attachments)
    code = new_link_code()
    cards = {address: new_link_code() for address in card_addresses(attachments)}
    contact_from, contact_until = contact_hours or (None, None)
    dispatch = Dispatch(
        idem_key=idem_key,
        source=source,
        corp_id=guide.corp_id,
        guide=guide,
        text=_with_link(text, code),
        attachments=with_codes(attachments, code=code, cards=cards),
        marketing=marketing,
        state=State.HELD if not_before > now else State.PLANNED,
        not_before=not_before,
        expires_at=expires_at,
        contact_from=contact_from,
        contact_until=contact_until,
        created_by=actor.label,
        created_at=now,
    )
    made = {"dispatch": dispatch, "source": source, "created_at": now}
    links = [TrackedLink(code=code, asset=asset, page=page, **made)]
    links += [TrackedLink(code=cards[address], address=address, **made) for address in cards]
    return _leave_once(dispatch, wanted, links)


def _leave_once(dispatch: Dispatch, wanted: list[Recipient], links: list[TrackedLink]) -> Dispatch:
    """Leave it, unless another tap was a moment faster: then that one's."""
    try:
        _leave(dispatch, wanted, links)
    except IntegrityError as error:
        if _ONE_UNDECIDED in str(error):
            raise AlreadySending() from error
        known = Dispatch.objects.filter(idem_key=dispatch.idem_key).first()
        if known is None:
            raise
        return known
    wake(SEND_JOB)
    return dispatch


@transaction.atomic
def _leave(dispatch: Dispatch, wanted: list[Recipient], links: list[TrackedLink]) -> None:
    """The send, its links and its receivers: all of them or none."""
    dispatch.save(force_insert=True)
    TrackedLink.objects.bulk_create(links)
    rows = [DispatchRecipient(dispatch=dispatch, **recipient._asdict()) for recipient in wanted]
    DispatchRecipient.objects.bulk_create(rows)


@transaction.atomic
def cancel_dispatch(*, dispatch: Dispatch, actor: Actor, now: datetime) -> Dispatch:
    """Call a send off: at once when WeCom does not have it yet, else at the next poll.

    What the guide has confirmed already cannot be called back. Raises CannotCancel while the
    outcome of our call is open.
    """
    dispatch = Dispatch.objects.select_for_update().get(pk=dispatch.pk)
    if dispatch.state in (State.PLANNED, State.HELD):
        dispatch.state = State.SUPPRESSED
        dispatch.reason = gettext("called off by %(who)s") % {"who": actor.label}
        dispatch.save(update_fields=["state", "reason"])
        receivers.not_sent(dispatch=dispatch, at=now)
    elif dispatch.state in (State.LEASED, State.UNKNOWN):
        raise CannotCancel()
    elif dispatch.state == State.HANDED_OVER:
        _stop_at_next_poll(dispatch, now)
    return dispatch


@transaction.atomic
def call_off(*, sources: Collection[str], actor: str, now: datetime) -> int:
    """These sources want no message any more (their work was excused): what WeCom does not have yet
    is not sent; what one guide was to confirm for nobody else is stopped at the next poll.

    A send that WeCom holds for others too stays as it is. Returns how many receivers were taken
    out at once.
    """
    waiting = DispatchRecipient.objects.filter(
        source__in=sources, state=DispatchRecipient.State.WAITING
    ).values("dispatch_id")
    reason = gettext("called off by %(who)s") % {"who": actor}
    uncalled = Q(state__in=[State.PLANNED, State.HELD]) | Q(
        state=State.LEASED, call_started_at=None
    )
    taken = 0
    queued = Dispatch.objects.filter(uncalled, pk__in=waiting).select_for_update()
    for dispatch in queued.order_by("pk"):
        taken += receivers.not_sent(dispatch=dispatch, at=now, sources=sources)
        left = dispatch.recipients.filter(state=DispatchRecipient.State.WAITING).exists()
        if not left and dispatch.state != State.LEASED:  # a leased one ends at its last check
            dispatch.state, dispatch.reason = State.SUPPRESSED, reason
            dispatch.save(update_fields=["state", "reason"])
    # a poll under way holds its row and then the targets that our caller holds: let it pass
    unconfirmed = Dispatch.objects.filter(state=State.HANDED_OVER, pk__in=waiting)
    for dispatch in unconfirmed.select_for_update(skip_locked=True).order_by("pk"):
        others = dispatch.recipients.filter(state=DispatchRecipient.State.WAITING)
        if not others.exclude(source__in=sources).exists():
            _stop_at_next_poll(dispatch, now)
    return taken


def _stop_at_next_poll(dispatch: Dispatch, now: datetime) -> None:
    dispatch.expires_at = max(now, dispatch.not_before)
    dispatch.next_poll_at = now
    dispatch.save(update_fields=["expires_at", "next_poll_at"])
    wake(receivers.RESULTS_JOB)
