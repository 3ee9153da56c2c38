"""Who has not joined: the invitation, what TA answered last time, and the reasons to tap."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.guide_portal import enrol
from apps.guide_portal.cards import Person, person_of
from apps.guide_portal.customers import own_word
from apps.guide_portal.templatetags.portal import month_day
from apps.guide_tasks.services.personal import reach_of
from apps.members.invites import IN_CHAT_FOR
from apps.members.models import JoinReason, Member, StopMark
from apps.members.selectors import last_refusal


@dataclass(frozen=True, slots=True)
class Asking:
    """What a page offers about somebody who is no member yet. `said` is the last answer."""

    said: str
    reasons: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class InvitePage:
    """One person's invitation: a code for who stands here, words for who is in the chat. `refusal`
    says why TA may not be written to now; then no chat is opened from here."""

    person: Person
    store: str
    qr: str
    until: datetime
    words: str
    refusal: str
    external_userid: str
    asking: Asking


def asking(said: str = "") -> Asking:
    return Asking(said=said, reasons=[(value, str(label)) for value, label in JoinReason.choices])


def wants_no_contact(member: Member) -> bool:
    """Whoever asked not to be contacted is not asked to join either."""
    return StopMark.objects.current().filter(member__survivor_id=member.pk).exists()


def said_words(reason: str, who: str, at: datetime) -> str:
    """不想留手机号 · 陈静 · 10月3日"""
    known = reason in JoinReason.values
    return " · ".join([str(JoinReason(reason).label) if known else reason, who, month_day(at)])


def said_last(*, member: Member, actor: Actor) -> str:
    """What TA answered whoever asked last; "" when nobody noted anything."""
    last = last_refusal(member_id=member.pk)
    if last is None:
        return ""
    return said_words(last.reason, own_word(last.guide_id, last.guide.name, actor), last.at)


def invite_words(store: str, address: str) -> str:
    """The invitation as a text, for wherever it is pasted."""
    pattern = _("%(store)s invites you to join as a member: %(address)s")
    return pattern % {"store": store, "address": address}


def invite_page(*, member: Member, actor: Actor, now: datetime) -> InvitePage:
    """Raises NoStoreToday."""
    guide_id = actor.guide_id or 0
    page = enrol.enrol_page(guide_id=guide_id, now=now, valid_for=IN_CHAT_FOR)
    reach = reach_of(member=member, guide_id=guide_id, now=now)
    return InvitePage(
        person=person_of(member),
        store=page.store,
        qr=page.qr,
        until=page.until,
        words=invite_words(page.store, page.address),
        refusal=reach.refusal,
        external_userid="" if reach.refusal else reach.external_userid,
        asking=asking(said_last(member=member, actor=actor)),
    )
