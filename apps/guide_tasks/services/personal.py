"""A word of the guide's own to one customer, outside of every task: birthday, new friend, long
silence.

It goes the way of every send: the policy is asked, the contact hours hold, WeCom's task is
confirmed on the phone, and WeCom's result alone makes it a contact. It completes no task.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.errors import ContactRefused
from apps.members import services as members
from apps.members.models import FollowRelation, Interaction, Member
from apps.outreach import ledger, policy
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, DispatchRecipient, LinkClick
from apps.stores.models import Guide
from apps.timeline import services as timeline
from apps.timeline.models import Kind

PERSONAL = "personal:"
# who joined or became a friend this lately may be greeted: a first word is service
GREETING_DAYS = 3
GOOD_FOR = timedelta(days=1)
DELIVERED_GRADE = 3


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether this guide may write to this member now: where to, or why not."""

    external_userid: str
    marketing: bool
    refusal: str


def personal_source(*, guide_id: int, member_id: int) -> str:
    """One undecided word at a time from this guide to this member."""
    return f"{PERSONAL}{guide_id}:{member_id}"


def reach_of(
    *, member: Member, guide_id: int, now: datetime, marketing: bool | None = None
) -> Reach:
    """The policy's word on a message of the guide's own.

    `marketing`: what the message is, where the caller knows; else a first word is service.
    """
    friend = (
        FollowRelation.objects.current()
        .filter(member__survivor_id=member.pk, guide_id=guide_id)
        .order_by("since")
        .first()
    )
    if marketing is None:
        marketing = not is_new(member, friend.since if friend else None, now=now)
    refusal = policy.check_one(member_id=member.pk, guide_id=guide_id, now=now, marketing=marketing)
    external = friend.external_userid if friend else ""
    return Reach(external, marketing, policy.sentence(refusal) if refusal else "")


def is_new(member: Member, friend_since: datetime | None, *, now: datetime) -> bool:
    """Joined lately, or became this guide's friend: then a first word is service."""
    since = now - timedelta(days=GREETING_DAYS)
    return any(at is not None and at >= since for at in (member.joined_at, friend_since))


@transaction.atomic
def send_personal(
    *,
    member: Member,
    text: str,
    actor: Actor,
    now: datetime,
    client_id: UUID | str,
    page: str = "",
    marketing: bool | None = None,
) -> Dispatch:
    """One message to one customer, to be confirmed on the guide's phone. The same client id is the
    same send; its link leads to `page`, where one of ours is named; `marketing` as for `reach_of`.

    Raises ContactRefused, AlreadySending, TextTooLong.
    """
    assert actor.guide_id is not None
    source = personal_source(guide_id=actor.guide_id, member_id=member.pk)
    key = f"{source}:{client_id}"
    known = Dispatch.objects.filter(idem_key=key).first()
    if known is not None:
        return known
    ledger.one_at_a_time(member_ids=[member.pk])
    reach = demand_reach(member=member, guide_id=actor.guide_id, now=now, marketing=marketing)
    not_before = hours.next_within(now, hours.CONTACT_FROM, hours.CONTACT_UNTIL)
    return outreach.request_mass_send(
        guide=Guide.objects.get(pk=actor.guide_id),
        recipients=[(member.pk, reach.external_userid, source)],
        text=text.strip(),
        asset=None,
        source=source,
        idem_key=key,
        not_before=not_before,
        expires_at=not_before + GOOD_FOR,
        marketing=reach.marketing,
        now=now,
        actor=actor,
        contact_hours=(hours.CONTACT_FROM, hours.CONTACT_UNTIL),
        page=page,
    )


@transaction.atomic
def note_personal_chat(
    *, member: Member, actor: Actor, now: datetime, client_id: UUID | str
) -> bool:
    """The guide opened the chat with this customer. Safe to repeat. Raises ContactRefused."""
    assert actor.guide_id is not None
    ledger.one_at_a_time(member_ids=[member.pk])
    demand_reach(member=member, guide_id=actor.guide_id, now=now)
    return members.record_interaction(
        member_id=member.pk,
        guide_id=actor.guide_id,
        kind=Interaction.Kind.CHAT_OPENED,
        occurred_at=now,
        source=f"{personal_source(guide_id=actor.guide_id, member_id=member.pk)}:chat:{client_id}"[
            :80
        ],
    )


def demand_reach(
    *, member: Member, guide_id: int, now: datetime, marketing: bool | None = None
) -> Reach:
    """Where to write to. Raises ContactRefused with the policy's sentence."""
    reach = reach_of(member=member, guide_id=guide_id, now=now, marketing=marketing)
    if reach.refusal:
        raise ContactRefused(reach.refusal, code="refused_personal")
    return reach


def is_personal(recipient: DispatchRecipient) -> bool:
    return recipient.source.startswith(PERSONAL)


def apply_personal_result(*, recipient: DispatchRecipient) -> None:
    """What WeCom said about a word of the guide's own: delivered is a contact, the rest is told."""
    if recipient.state == DispatchRecipient.State.WAITING:
        return
    guide_id = recipient.dispatch.guide_id
    delivered = recipient.state == DispatchRecipient.State.DELIVERED
    at = recipient.result_at or clock.now()
    source = f"dispatch_recipient:{recipient.pk}"
    payload = {"grade": DELIVERED_GRADE} if delivered else {"state": recipient.state}
    timeline.record_event(
        member_id=recipient.member_id,
        kind=Kind.CONTACT_GRADED if delivered else Kind.CONTACT_FAILED,
        source=source,
        key=f"{source}:told",
        occurred_at=at,
        actor=f"guide:{guide_id}",
        payload={**payload, "guide_id": guide_id},
    )
    if delivered:
        members.record_interaction(
            member_id=recipient.member_id,
            guide_id=guide_id,
            kind=Interaction.Kind.MESSAGE,
            occurred_at=at,
            source=f"{source}:delivered",
        )


def note_opened(*, recipient: DispatchRecipient, at: datetime) -> None:
    """The customer opened the link of a word of the guide's own: 已互动, once for the message."""
    source = f"dispatch_recipient:{recipient.pk}"
    timeline.record_event(
        member_id=recipient.member_id,
        kind=Kind.ENGAGED,
        source=source,
        key=f"{source}:engaged",
        occurred_at=at,
        payload={"source": source, "guide_id": recipient.dispatch.guide_id},
    )


def note_tapped(*, click: LinkClick) -> None:
    """The customer opened what a guide put into a group or passed on by hand: 已互动, once for the
    link. It proves no message: a link may come from anywhere."""
    assert click.member_id is not None
    source = f"tracked_link:{click.link_id}"
    timeline.record_event(
        member_id=click.member_id,
        kind=Kind.ENGAGED,
        source=source,
        key=f"{source}:engaged:{click.member_id}",
        occurred_at=click.clicked_at,
        payload={"source": source, "guide_id": click.link.guide_id},
    )
