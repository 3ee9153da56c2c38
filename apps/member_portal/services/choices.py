"""What a member sets for themselves. Pushes stop at once: what is queued is called off."""

from datetime import datetime

from django.db import transaction

from apps.accounts.actor import Actor
from apps.guide_tasks.services.consents import excuse_unconsented
from apps.guide_tasks.services.targets import excuse_stopped
from apps.members import services as members
from apps.members.models import Consent
from apps.members.selectors import survivor_group
from apps.outreach import services as outreach
from apps.outreach.models import DispatchRecipient

SOURCE = "member_page"
CUSTOMER = Actor(role="customer")
Purpose = Consent.Purpose


@transaction.atomic
def stop_marketing(*, member_id: int, now: datetime) -> None:
    """Nobody writes to this member any more: the mark stands, open work ends. Safe to repeat."""
    members.stop_contact(member_id=member_id, source=SOURCE, now=now, actor=CUSTOMER)
    excuse_stopped(now=now, member_id=member_id)
    _call_off(member_id, now, marketing_only=False)


@transaction.atomic
def allow_again(*, member_id: int, now: datetime) -> bool:
    """The member takes the stop back; consents stay as they are."""
    return members.lift_stop(member_id=member_id, source=SOURCE, now=now, actor=CUSTOMER)


@transaction.atomic
def give(*, member_id: int, purpose: str, version: str, now: datetime) -> bool:
    return members.give_consent(
        member_id=member_id,
        purpose=purpose,
        text_version=version,
        channel=SOURCE,
        given_at=now,
        actor=CUSTOMER,
    )


@transaction.atomic
def withdraw(*, member_id: int, purpose: str, now: datetime) -> bool:
    """One step, as easy as giving; a marketing message that waits is called off, and nobody's work
    asks for one any more."""
    ended = members.withdraw_consent(
        member_id=member_id, purpose=purpose, channel=SOURCE, now=now, actor=CUSTOMER
    )
    if ended:
        excuse_unconsented(member_id=member_id, purpose=purpose, now=now)
    if ended and purpose == Purpose.WECOM_MARKETING:
        _call_off(member_id, now, marketing_only=True)
    return ended


def _call_off(member_id: int, now: datetime, *, marketing_only: bool) -> None:
    waiting = DispatchRecipient.objects.filter(
        member_id__in=survivor_group(member_id), state=DispatchRecipient.State.WAITING
    )
    if marketing_only:
        waiting = waiting.filter(dispatch__marketing=True)
    sources = list(waiting.values_list("source", flat=True))
    if sources:
        outreach.call_off(sources=sources, actor=CUSTOMER.role, now=now)
