"""Sends whose outcome is open: WeCom's own list is asked, and what it leaves open a person decides.

Nothing here ever repeats a call. The code of the tracked link in the text tells which entry is
ours.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.accounts.actor import Actor
from apps.core import lease
from apps.core.errors import DomainError
from apps.outreach.models import Dispatch, TrackedLink
from apps.outreach.services import receivers
from apps.outreach.services.handover import mark_handed_over
from apps.outreach.services.links import link_path
from apps.wecom.errors import WeComError
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import MassSendFilter, MassSendListing

log = structlog.get_logger(__name__)

LOOK_LEASE_SECONDS = 60
LOOK_DELAYS = (10, 30)  # seconds between looks before a person is asked
LOOK_AGAIN = timedelta(minutes=10)  # a person may decide any time; we go on looking
CLOCK_SLACK = timedelta(minutes=10)  # WeCom's clock and ours

State = Dispatch.State


class NotUnknown(DomainError):
    code = "not_unknown"
    message = _("This message is settled already.")


class ListNotReadable(DomainError):
    """“Not sent” frees the customer for another message: not without a look at WeCom's list."""

    code = "list_not_readable"
    message = _("WeCom's list cannot be read just now. Try again in a moment.")


def _open_outcomes(now: datetime) -> Q:
    lost = Q(state=State.LEASED, call_started_at__isnull=False)
    return lost | Q(state=State.UNKNOWN, next_poll_at__lte=now)


def resolve_unknowns(*, now: datetime, limit: int = 200) -> int:
    """Ask WeCom's list about sends whose outcome is open; return how many it settled."""
    run, settled = Round(now), 0
    due = Dispatch.objects.filter(_open_outcomes(now)).order_by("pk")
    token, ids = lease.claim(due, now=now, seconds=LOOK_LEASE_SECONDS, limit=limit)
    rows = list(Dispatch.objects.filter(pk__in=ids).order_by("corp_id", "pk"))
    for corp_id in dict.fromkeys(row.corp_id for row in rows):
        mine = [row for row in rows if row.corp_id == corp_id]
        listed = _listed(run, corp_id, mine)
        for row in mine:
            settled += _note_look(row, token, listed, run.moment())
    return settled


def _listed(
    run: Round, corp_id: str, rows: Iterable[Dispatch]
) -> dict[str, MassSendListing] | None:
    """Code of our link → WeCom's entry; None when the list could not be read."""
    rows = list(rows)
    start = min(row.call_started_at or row.created_at for row in rows) - CLOCK_SLACK
    try:
        listings = run.client(corp_id).list_mass_sends(
            start=start, end=run.moment() + CLOCK_SLACK, filter_type=MassSendFilter.CORP
        )
    except WeComError as error:
        log.warning("mass_sends_not_listed", error=error.code)
        return None
    codes = TrackedLink.objects.filter(dispatch__in=rows).values_list("code", flat=True)
    return {code: row for code in codes for row in listings if link_path(code) in row.text}


@transaction.atomic
def _note_look(
    row: Dispatch, token: UUID, listed: dict[str, MassSendListing] | None, now: datetime
) -> bool:
    dispatch = Dispatch.objects.select_related("guide").held(row.pk, token)
    if dispatch is None:
        return False
    found = _entry_of(dispatch, listed or {})
    if found is not None:
        mark_handed_over(dispatch=dispatch, msgid=found.msgid, at=found.created_at)
        return True
    dispatch.lease_token = None
    if listed is not None:  # a look that could not be made says nothing
        dispatch.looks += 1
    # a list that cannot be read for long must not hide the send from the people who can settle it
    too_long = now - (dispatch.call_started_at or dispatch.created_at) > LOOK_AGAIN
    if dispatch.looks > len(LOOK_DELAYS) or too_long:
        dispatch.state, dispatch.lease_until = State.UNKNOWN, None
        dispatch.unknown_since = dispatch.unknown_since or now
        dispatch.next_poll_at = now + LOOK_AGAIN
        dispatch.reason = (
            gettext("the reply was lost; WeCom's list does not show it")
            if dispatch.looks
            else gettext("the reply was lost; WeCom's list cannot be read")
        )
    else:
        pause = LOOK_DELAYS[max(dispatch.looks - 1, 0)]
        dispatch.lease_until = now + timedelta(seconds=pause)
    dispatch.save()
    return False


def _entry_of(dispatch: Dispatch, listed: dict[str, MassSendListing]) -> MassSendListing | None:
    codes = TrackedLink.objects.filter(dispatch=dispatch).values_list("code", flat=True)
    return next((listed[code] for code in codes if code in listed), None)


def decide_unknown(
    *, dispatch: Dispatch, happened: bool, msgid: str = "", actor: Actor, now: datetime
) -> Dispatch:
    """A person says what became of a send whose outcome is unknown.

    WeCom's list is asked once more first: if the send is there, that is the answer. `happened`
    without a `msgid` leaves the customers without a result, and closed to another send of the same
    work. Raises NotUnknown when it is settled already, ListNotReadable when nobody but the person
    says that it was not sent.
    """
    run = Round(now)
    listed = _listed(run, dispatch.corp_id, [dispatch])
    if listed is None and not happened:
        raise ListNotReadable()
    return _decide(
        dispatch_id=dispatch.pk,
        happened=happened,
        msgid=msgid,
        listed=listed or {},
        actor=actor,
        now=now,
    )


@transaction.atomic
def _decide(
    *,
    dispatch_id: int,
    happened: bool,
    msgid: str,
    listed: dict[str, MassSendListing],
    actor: Actor,
    now: datetime,
) -> Dispatch:
    dispatch = Dispatch.objects.select_for_update().get(pk=dispatch_id)
    if dispatch.state != State.UNKNOWN:
        raise NotUnknown()
    found = _entry_of(dispatch, listed)
    if found is not None:
        mark_handed_over(dispatch=dispatch, msgid=found.msgid, at=found.created_at)
    elif happened and msgid:
        mark_handed_over(dispatch=dispatch, msgid=msgid, at=dispatch.call_started_at or now)
    else:
        _believe(dispatch, happened=happened, actor=actor, now=now)
    return dispatch


def _believe(dispatch: Dispatch, *, happened: bool, actor: Actor, now: datetime) -> None:
    if happened:
        # nothing to ask WeCom by: the customers stay undecided, so that nobody writes to them again
        dispatch.state, dispatch.next_poll_at = State.SENT, dispatch.expires_at
        words = gettext("%(who)s decided: it was sent")
    else:
        receivers.not_sent(dispatch=dispatch, at=now)
        dispatch.state, dispatch.next_poll_at = State.FAILED, None
        words = gettext("%(who)s decided: it was not sent")
    dispatch.reason = words % {"who": actor.label}
    dispatch.unknown_since = dispatch.lease_token = dispatch.lease_until = None
    dispatch.save()
