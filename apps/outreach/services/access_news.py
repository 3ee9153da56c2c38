"""申请查看 tells both sides: the manager that somebody waits, the guide what was decided."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock, hours
from apps.members import services as members
from apps.members.models import AccessRequest
from apps.outreach.services.notices import queue_guide_notices
from apps.stores.selectors import managers_of, place_of

TEAM_PATH = "/g/team/approvals/"
CUSTOMERS_PATH = "/g/customers/"


@transaction.atomic
def ask_for_access(
    *,
    member_id: int,
    guide_id: int,
    reason: str,
    client_id: UUID,
    actor: Actor,
    now: datetime,
    what: str = AccessRequest.What.CARD,
) -> AccessRequest:
    """Ask, and put a card on the phones of the store's managers; for a number head office is asked
    alone. Safe to repeat.

    Raises WorksNowhere, and what `members.request_access` raises.
    """
    today = clock.business_day(now)
    store_id = place_of(guide_id=guide_id, day=today).store_id
    asked = members.request_access(
        member_id=member_id,
        guide_id=guide_id,
        store_id=store_id,
        what=what,
        reason=reason,
        client_id=client_id,
        actor=actor,
        now=now,
    )
    if what == AccessRequest.What.PHONE:
        return asked
    managers = managers_of(store_ids=[store_id], day=today)[store_id]
    title = _("A colleague asks to see a customer's card")
    rows = [
        (manager_id, title, _("Have a look at the reason"), TEAM_PATH)
        for manager_id in managers
        if manager_id != guide_id
    ]
    queue_guide_notices(
        source=f"access_request:{asked.pk}",
        rows=rows,
        not_before=hours.for_cards(now),
        at_once=True,  # the customer may stand beside who asks
        now=now,
    )
    return asked


@transaction.atomic
def decide_access(*, request_id: int, grant: bool, actor: Actor, now: datetime) -> AccessRequest:
    """Grant or refuse, and tell who asked. Safe to repeat.

    Raises AccessRequest.DoesNotExist, NotYoursToDecide.
    """
    asked, fresh = members.decide_access(request_id=request_id, grant=grant, actor=actor, now=now)
    if not fresh:
        return asked
    if asked.what == AccessRequest.What.PHONE:
        path = f"{CUSTOMERS_PATH}{asked.member.public_id}/phone/"
        words = (
            (_("You may see the number once"), _("Open for one day"))
            if grant
            else (_("Your request to see a number was refused"), _("Ask head office why"))
        )
    elif grant:
        path = f"{CUSTOMERS_PATH}{asked.member.public_id}/"
        words = (_("You may look at the customer now"), _("Open for one day"))
    else:
        path = CUSTOMERS_PATH
        words = (_("Your request to look was refused"), _("Ask your manager why"))
    queue_guide_notices(
        source=f"access_request:{asked.pk}:decided",
        rows=[(asked.guide_id, *words, path)],
        not_before=hours.for_cards(now),
        at_once=True,
        now=now,
    )
    return asked
