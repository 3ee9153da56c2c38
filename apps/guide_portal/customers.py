"""Reads for 客户: the list, the search, and one customer's record in a fixed number of queries."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.guide_portal.cards import (
    Card,
    Chip,
    Person,
    bought_words,
    person_of,
    size_words,
    target_cards,
)
from apps.guide_portal.templatetags.portal import month_day, yuan
from apps.guide_portal.texts import personal_text, refusal_words
from apps.guide_tasks.selectors import open_targets_of_member
from apps.members.models import Consent, FollowRelation, Interaction, Member, StopMark
from apps.members.selectors import (
    MemberCard,
    Note,
    find_by_identity,
    member_card,
    notes_of,
    serving_of,
    survivor_group,
)
from apps.orders.models import Order
from apps.orders.selectors import OrderView, last_purchases, orders_of
from apps.outreach.models import ContactBudget
from apps.outreach.policy import month_of, monthly_cap
from apps.profiles.models import MemberFacts, MemberProfile, Stage
from apps.profiles.selectors import stage_sentence
from apps.stores.models import Guide
from apps.tagging.models import Tag
from apps.tagging.selectors import tags_of
from apps.timeline.models import Kind, MemberEvent
from apps.timeline.selectors import timeline_page

PAGE = 20
FOUND = 30
ORDERS = 3
STORY = 10
TAGS_OFFERED = 12
WORDS_OFFERED = 4
WORD_LENGTH = 6
AWAY = (Stage.SILENT, Stage.LOST)


@dataclass(frozen=True, slots=True)
class Row:
    person: Person
    words: str
    chip: Chip | None


@dataclass(frozen=True, slots=True)
class Bought:
    name: str
    detail: str
    net_fen: int


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    words: str
    source: str
    icon: str
    tone: str


@dataclass(frozen=True, slots=True)
class Record:
    """Everything the customer's page shows, in its order."""

    person: Person
    origin: str
    phone: str
    facts: list[tuple[str, str]]
    stage: str
    stage_chip: Chip | None
    cards: list[Card]
    notes: list[dict[str, Any]]
    note_words: list[str]
    orders: list[Bought]
    tags: list[Tag]
    more_tags: list[Tag]
    relations: list[tuple[str, str, str]]
    consents: list[tuple[str, str, str]]
    story: list[Happened]
    older: str
    may_write: bool
    send_href: str
    no_send: str


@dataclass(frozen=True, slots=True)
class SidebarPage:
    person: Person
    owner: str
    facts: list[tuple[str, str]]
    bought: str
    note: str
    card: Card | None
    can_send: bool
    text: str
    refusal: str


# --- the list ------------------------------------------------------------------------------------


def visible(actor: Actor) -> QuerySet[Member]:
    return Member.objects.visible_to(actor).survivors()


def list_customers(
    *, actor: Actor, show: str, after: uuid.UUID | None, now: datetime
) -> tuple[list[Row], uuid.UUID | None]:
    """One page of the actor's customers and the id to go on after; newest known first."""
    members = visible(actor)
    if show == "away":
        profiles = MemberProfile.objects.filter(member_id=OuterRef("pk"), stage__in=AWAY)
        members = members.filter(Exists(profiles))
    if show == "friends":
        friends = FollowRelation.objects.current().filter(member_id=OuterRef("pk"))
        members = members.filter(Exists(friends.filter(guide_id=actor.guide_id or 0)))
    if after is not None:
        members = members.filter(public_id__lt=after)
    found = list(members.order_by("-public_id")[: PAGE + 1])
    more = found[PAGE - 1].public_id if len(found) > PAGE else None
    return _rows(found[:PAGE], now=now), more


def search_customers(*, actor: Actor, words: str, now: datetime) -> list[Row]:
    """By part of the name, or by the last four digits of the number, inside the actor's scope."""
    members = visible(actor)
    if len(words) == 4 and words.isascii() and words.isdigit():
        members = members.filter(phone_last4=words)
    else:
        members = members.filter(name__icontains=words)
    return _rows(list(members.order_by("-public_id")[:FOUND]), now=now)


def _rows(members: Sequence[Member], *, now: datetime) -> list[Row]:
    ids = [member.pk for member in members]
    profiles = MemberProfile.objects.in_bulk(ids)
    stopped = set(
        StopMark.objects.current().filter(member_id__in=ids).values_list("member_id", flat=True)
    )
    rows = []
    for member in members:
        chip = Chip("shield", _("no contact wanted"), "late") if member.pk in stopped else None
        words = _profile_words(profiles.get(member.pk), now=now)
        rows.append(Row(person=person_of(member), words=words, chip=chip))
    return rows


def _days_ago(profile: MemberProfile | None, *, now: datetime) -> str:
    """How long ago the last order was; "" for who has none."""
    if profile is None or profile.last_order_on is None:
        return ""
    days = (clock.business_day(now) - profile.last_order_on).days
    return _("%(n)s days ago") % {"n": days} if days else _("today")


def _profile_words(profile: MemberProfile | None, *, now: datetime) -> str:
    if profile is None or profile.last_order_on is None:
        return _("no purchase yet with us")
    return _("Bought %(when)s, %(total)s in all") % {
        "when": _days_ago(profile, now=now),
        "total": yuan(profile.net_fen),
    }


# --- one customer --------------------------------------------------------------------------------


def _facts(
    profile: MemberProfile | None, facts: MemberFacts | None, *, now: datetime
) -> list[tuple[str, str]]:
    sizes = [facts.shoe_size, facts.clothing_size] if facts else []
    return [
        (_("Last purchase"), _days_ago(profile, now=now) or _("none")),
        (_("In all"), yuan(round(profile.net_fen, -2) if profile else 0)),
        (_("Size"), size_words(next(filter(None, sizes), "–"))),
    ]


def _bought(order: OrderView) -> Bought:
    line = order.lines[0] if order.lines else None
    name = (line.product if line else "") or _("Purchase")
    if order.kind == Order.Kind.RETURN:
        name = _("Returned: %(what)s") % {"what": name}
    parts = [line.colour, size_words(line.size)] if line else []
    detail = " · ".join(filter(None, [*parts, month_day(order.paid_at), order.store_name]))
    return Bought(name=name, detail=detail, net_fen=order.net_fen)


def _own(guide_id: int | None, name: str, actor: Actor) -> str:
    return _("you") if guide_id == actor.guide_id else name


def _notes(notes: Sequence[Note], actor: Actor) -> list[dict[str, Any]]:
    return [
        {
            "body": note.body,
            "by": _own(note.guide_id, note.guide, actor),
            "created_at": note.created_at,
        }
        for note in notes
    ]


def note_words(notes: Sequence[Note], *, guide_id: int | None) -> list[str]:
    """Short words to tap: those this guide wrote here last, then the usual ones."""
    usual = [
        _("interested"),
        _("comes at weekends"),
        _("finds it dear"),
        _("buys for the family"),
    ]
    own = [note.body for note in notes if note.guide_id == guide_id]
    short = [body for body in own if len(body) <= WORD_LENGTH]
    return list(dict.fromkeys([*short, *usual]))[:WORDS_OFFERED]


def _relations(*, member_id: int, group: Sequence[int], actor: Actor) -> list[tuple[str, str, str]]:
    serving = serving_of([member_id]).get(member_id)
    last = (
        Interaction.objects.filter(member_id__in=group)
        .select_related("guide")
        .order_by("-occurred_at")
        .first()
    )
    friends = list(
        FollowRelation.objects.current()
        .filter(member_id__in=group)
        .select_related("guide")
        .order_by("since")
    )
    nobody = _("nobody")
    since = _("since %(day)s")
    return [
        (
            _("Serving guide"),
            _own(serving.guide_id, serving.guide.name, actor) if serving else nobody,
            f"{serving.store.name} · {since % {'day': month_day(serving.since)}}"
            if serving
            else "",
        ),
        (
            _("Last contact"),
            _own(last.guide_id, last.guide.name, actor) if last else nobody,
            f"{month_day(last.occurred_at)} · {last.get_kind_display()}" if last else "",
        ),
        (
            _("WeCom friends"),
            "、".join(_own(row.guide_id, row.guide.name, actor) for row in friends) or nobody,
            since % {"day": month_day(friends[0].since)} if friends else "",
        ),
    ]


def _consents(
    *, card: MemberCard, group: Sequence[int], now: datetime
) -> list[tuple[str, str, str]]:
    rows = Consent.objects.valid().filter(member_id__in=group).order_by("given_at")
    given = {row.purpose: row.given_at for row in rows}
    budget = ContactBudget.objects.filter(member_id=card.member_id, month=month_of(now)).first()
    left = max(monthly_cap(now) - (budget.used if budget else 0), 0)
    words = [
        (_("WeCom messages"), Consent.Purpose.WECOM_MARKETING),
        (_("SMS"), Consent.Purpose.SMS_MARKETING),
    ]
    lines = [
        (
            word,
            _("agreed") if purpose in given else _("not agreed"),
            month_day(given.get(purpose)),
        )
        for word, purpose in words
    ]
    last = card.last_contact_at
    talked = last is not None and clock.business_day(last) == clock.business_day(now)
    detail = _("somebody talked with TA today") if talked else _("nobody talked with TA today")
    month = _("TA can get %(n)s more sends") % {"n": left}
    return [*lines, (_("This month"), month, detail)]


_ICONS: dict[str, tuple[str, str]] = {
    Kind.FRIEND_ADDED: ("chat", "wx"),
    Kind.FRIEND_ENDED: ("chat", "wx"),
    Kind.CONTACT_GRADED: ("send", "wx"),
    Kind.CONTACT_FAILED: ("alert", "wx"),
    Kind.ENGAGED: ("link", "link"),
    Kind.ORDER_PLACED: ("bag", "till"),
    Kind.ORDER_RETURNED: ("bag", "till"),
    Kind.PURCHASED: ("bag", "till"),
    Kind.VISITED: ("store", "till"),
    Kind.NOTE_ADDED: ("note", ""),
    Kind.TAGGED: ("tag", ""),
    Kind.UNTAGGED: ("tag", ""),
    Kind.STOPPED: ("shield", ""),
    Kind.TASK_EXCUSED: ("skip", ""),
}


def _story(events: Sequence[MemberEvent], *, actor: Actor) -> list[Happened]:
    wanted = {found for event in events if (found := _guide_of(event))}
    names = dict(Guide.objects.filter(pk__in=wanted).values_list("pk", "name"))
    sources = {"wx": _("WeCom"), "till": _("Till"), "link": _("Link in the message")}
    story = []
    for event in events:
        icon, tone = _ICONS.get(event.kind, ("gear", ""))
        guide_id = _guide_of(event)
        who = _own(guide_id, names.get(guide_id, ""), actor) if guide_id else ""
        source = who or sources.get(tone, pgettext("source", "System"))
        words = event.get_kind_display()
        story.append(Happened(event.occurred_at, words, source, icon, tone))
    return story


def _guide_of(event: MemberEvent) -> int | None:
    kind, _colon, number = event.actor.partition(":")
    return int(number) if kind == "guide" and number.isdigit() else None


def _sending(*, card: MemberCard, cards: Sequence[Card], actor: Actor) -> tuple[str, str]:
    """Where 发消息 leads, or the words that say why it does not."""
    if card.is_stopped:
        return "", _("TA asked not to be contacted")
    sendable = next((one for one in cards if one.can_send), None)
    if sendable is not None:
        return sendable.href, ""
    if cards:
        return "", _("Waiting for WeCom's result")
    if actor.guide_id not in card.friend_guide_ids:
        return "", _("Ask TA to add you in WeCom")
    return "", _("No task for TA now")


def _open_cards(*, group: Sequence[int], actor: Actor, now: datetime) -> list[Card]:
    targets = open_targets_of_member(guide_id=actor.guide_id or 0, member_ids=group, now=now)
    return target_cards(targets, now=now)


def get_customer(*, actor: Actor, public_id: uuid.UUID) -> Member:
    """The customer if the actor may see them, else 404."""
    member = visible(actor).filter(public_id=public_id).first()
    if member is None:
        raise Http404
    return member


def record_of(*, member: Member, actor: Actor, before: datetime | None, now: datetime) -> Record:
    """The whole record of a visible customer."""
    group = survivor_group(member.pk)
    card = member_card(member_ids=[member.pk])[member.pk]
    profile = MemberProfile.objects.filter(pk=member.pk).first()
    facts = MemberFacts.objects.filter(pk=member.pk).first()
    cards = _open_cards(group=group, actor=actor, now=now)
    notes = notes_of(member_id=member.pk)
    tags = tags_of([member.pk]).get(member.pk, [])
    events = timeline_page(member_ids=group, before=before, limit=STORY)
    href, no_send = _sending(card=card, cards=cards, actor=actor)
    away = profile is not None and profile.stage in AWAY
    owner = _own(card.serving_guide_id, card.serving_guide, actor) if card.serving_guide else ""
    served = _("Served by %(who)s") % {"who": owner} if owner else ""
    return Record(
        person=person_of(member),
        origin=" · ".join(filter(None, (card.home_store, served))),
        phone=card.masked_phone,
        facts=_facts(profile, facts, now=now),
        stage=stage_sentence(profile, now=now) if profile else "",
        stage_chip=Chip("clock", _("Not seen for long"), "warn") if away else None,
        cards=cards,
        notes=_notes(notes, actor),
        note_words=note_words(notes, guide_id=actor.guide_id),
        orders=[_bought(order) for order in orders_of(member_ids=group, limit=ORDERS)],
        tags=tags,
        more_tags=_tags_to_offer(tags) if actor.can(Capability.EDIT_MEMBERS) else [],
        relations=_relations(member_id=member.pk, group=group, actor=actor),
        consents=_consents(card=card, group=group, now=now),
        story=_story(events, actor=actor),
        older=events[-1].occurred_at.isoformat() if len(events) == STORY else "",
        may_write=actor.can(Capability.EDIT_MEMBERS),
        send_href=href,
        no_send=no_send,
    )


def _tags_to_offer(carried: Sequence[Tag]) -> list[Tag]:
    return list(
        offered_tags()
        .exclude(pk__in=[tag.pk for tag in carried])
        .order_by("group__position", "name")[:TAGS_OFFERED]
    )


def offered_tags() -> QuerySet[Tag]:
    """Tags a guide may put on a customer."""
    return Tag.objects.filter(group__guides_may_apply=True, retired_at=None)


# --- the sidebar ---------------------------------------------------------------------------------


def sidebar_member(*, actor: Actor, corp_id: str, external_userid: str) -> Member | None:
    """The customer of the chat, if known and in the actor's scope."""
    member = find_by_identity("external_userid", corp_id, external_userid)
    return visible(actor).filter(pk=member.survivor_id).first() if member else None


def sidebar_of(*, member: Member, actor: Actor, now: datetime) -> SidebarPage:
    """The card's first facts, and this guide's open task for the customer."""
    group = survivor_group(member.pk)
    card = member_card(member_ids=[member.pk])[member.pk]
    profile = MemberProfile.objects.filter(pk=member.pk).first()
    facts = MemberFacts.objects.filter(pk=member.pk).first()
    targets = open_targets_of_member(guide_id=actor.guide_id or 0, member_ids=group, now=now)
    cards = target_cards(targets, now=now)
    task = next((one for one in cards if one.can_send), next(iter(cards), None))
    target = next((one for one in targets if task and one.pk == task.target_id), None)
    refusal = refusal_words(target, now=now) if target and task and task.can_send else ""
    notes = notes_of(member_id=member.pk, limit=1)
    owner = _own(card.serving_guide_id, card.serving_guide, actor) if card.serving_guide else ""
    return SidebarPage(
        person=person_of(member),
        owner=_("Served by %(who)s") % {"who": owner} if owner else "",
        facts=_facts(profile, facts, now=now),
        bought=bought_words(last_purchases(member_ids=[member.pk]).get(member.pk)),
        note=notes[0].body if notes else "",
        card=task,
        can_send=task is not None and task.can_send and not refusal,
        text=personal_text(target, now=now) if target else "",
        refusal=refusal,
    )
