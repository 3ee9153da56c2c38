"""A look goes to one customer, the way of every word of the guide's own."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.selectors.contexts import form_of_address
from apps.looks.models import Look, LookSend
from apps.looks.services.making import own_look
from apps.members.models import Member
from apps.stores.models import Posting


@transaction.atomic
def send_look(
    *,
    look: Look,
    member: Member,
    page_of: Callable[[Look], str],
    actor: Actor,
    now: datetime,
    client_id: UUID,
) -> LookSend:
    """Leave the message with the link to the look's page; the guide confirms it in WeCom. A
    colleague's look goes out as the sender's own: its page names who wrote, and what comes of it
    is theirs. The same client id is the same send.

    Raises what `send_personal` and `copy_look` raise.
    """
    look = own_look(look=look, actor=actor, now=now, client_id=client_id)
    dispatch = guide_tasks.send_personal(
        member=member,
        text=_words(look, member, actor, now),
        actor=actor,
        now=now,
        client_id=f"look:{client_id}",
        page=page_of(look),
        # goods with prices want something bought, also from who is new
        marketing=True,
    )
    sent, _is_new = LookSend.objects.get_or_create(
        dispatch=dispatch, defaults={"look": look, "asked_at": now}
    )
    return sent


def _words(look: Look, member: Member, actor: Actor, now: datetime) -> str:
    """What the customer reads above the link."""
    here = Posting.objects.on(clock.business_day(now)).filter(guide_id=actor.guide_id or 0)
    posting = here.select_related("guide", "store").first()
    values = {"customer": form_of_address(member), "look": look.title}
    if posting is None:
        head = _("%(customer)s, a look for you: %(look)s.") % values
    else:
        values |= {"guide": posting.guide.name, "store": posting.store.name}
        head = _("%(customer)s, %(guide)s of %(store)s here. A look for you: %(look)s.") % values
    return f"{head}{look.words}"
