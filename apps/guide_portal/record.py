"""客户卡: one record as the page shows it, in its order, in a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import DateTimeField, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.compiled import Compiled, Place, among
from apps.core.shown import Shown
from apps.guide_portal import cases as complaints
from apps.guide_portal import links
from apps.guide_portal.appointments import Row as Expected
from apps.guide_portal.appointments import rows_of_card
from apps.guide_portal.cards import SENDABLE, Chip, Person, due_chip, person_of, size_words
from apps.guide_portal.customers import (
    AWAY,
    ago_words,
    find_customer,
    own_word,
    words_to_tap,
)
from apps.guide_portal.dossier import Dossier, read_dossier
from apps.guide_portal.facts import FirstFacts, first_facts
from apps.guide_portal.hints import Hint, hints_of
from apps.guide_portal.joining import Asking, asking, said_words
from apps.guide_portal.taste import LOOKED_AT, Liking, likings
from apps.guide_portal.templatetags.portal import month_day
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.selectors import open_targets_of_member
from apps.loyalty.selectors import points_words
from apps.members.models import AddWay, Consent, Interaction, VisitReason
from apps.members.selectors import VISIT_SOURCE
from apps.orders.models import Order
from apps.orders.selectors import OrderView, orders_of
from apps.outreach.policy import monthly_cap
from apps.profiles.models import StageVersion
from apps.profiles.selectors import stage_sentence
from apps.stores.models import Guide
from apps.tagging.models import Tag
from apps.timeline.models import Kind, MemberEvent
from apps.timeline.selectors import timeline_page, told_already

ORDERS = 3
STORY = 10
TAGS_OFFERED = 12
ASK_FOR_FRIEND_DAYS = 30
SOON = (1, 3, 7)


@dataclass(frozen=True, slots=True)
class Why(Shown):
    """An open task of this guide for the customer."""

    target_id: int
    task_id: int
    why: str
    push_title: str
    due: Chip
    can_send: bool
    href: str


@dataclass(frozen=True, slots=True)
class Bought(Shown):
    name: str
    detail: str
    net_fen: int


@dataclass(frozen=True, slots=True)
class Happened(Shown):
    at: datetime
    words: str
    source: str
    icon: str
    tone: str


@dataclass(frozen=True, slots=True)
class VisitToday:
    """A visit this guide noted: of today, whether its reason is still open; and of whatever day, as
    long as it was noted just now, where it is taken back."""

    visit_id: int
    asks: bool
    undo: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sending:
    """The main button: where it leads and what it says, or the words in its place; a customer who
    asked to be left alone has none."""

    href: str = ""
    label: str = ""
    off: str = ""


@dataclass(frozen=True, slots=True)
class Record(Shown):
    """Everything the customer's page shows, in its order."""

    person: Person
    origin: str
    source: str
    phone: str
    is_granted: bool
    facts: FirstFacts
    stage: str
    stage_chip: Chip | None
    points: str
    is_stopped: bool
    cards: list[Why]
    asking: Asking | None
    friend_words: str
    follow_up: str
    follow_up_days: list[tuple[str, str]]
    appointments: list[Expected]
    cases: list[complaints.Row]
    notes: list[dict[str, Any]]
    note_words: list[str]
    confirmed: list[Hint]
    hints: list[Hint]
    visits: list[tuple[str, str, str]]
    visit_today: VisitToday | None
    reasons: list[tuple[str, str]]
    orders: list[Bought]
    likings: list[Liking]
    tags: list[Tag]
    more_tags: list[Tag]
    relations: list[tuple[str, str, str]]
    consents: list[tuple[str, str, str, str]]
    story: list[Happened]
    older: str
    may_write: bool
    may_ask_number: bool
    may_claim: bool
    sending: Sending


def record_of(
    *, public_id: UUID, actor: Actor, before: datetime | None, now: datetime
) -> Record | None:
    """The whole record of a customer; None where the actor may not see one. A granted look reads
    and no more."""
    guide_id = actor.guide_id or 0
    found = find_customer(actor=actor, public_id=public_id)
    if found is None:
        return None
    member_id, is_own = found
    file = read_dossier(member_id=member_id, guide_id=guide_id, now=now)
    may_write = is_own and actor.can(Capability.EDIT_MEMBERS)
    targets = open_targets_of_member(guide_id=guide_id, member_ids=file.group, now=now)
    cards = [_why(target, now) for target in targets]
    orders = orders_of(member_ids=file.group, limit=LOOKED_AT)
    events = _events(file, before=before, now=now)
    tags, more_tags = _tags(file, may_write=may_write)
    known = [Hint(row["kind"], row["word"]) for row in file.confirmed]
    noted = [str(row["body"]) for row in file.notes]
    return Record(
        person=person_of(file.member),
        origin=_origin(file, actor),
        source=source_words(file, guide_id),
        phone=file.phone,
        is_granted=not is_own,
        facts=first_facts(file, guide_id=guide_id, now=now),
        stage=_stage(file, now),
        stage_chip=_stage_chip(file),
        points=points_words(file.points, now=now),
        is_stopped=file.is_stopped,
        cards=cards,
        asking=asking_of(file, actor) if may_write else None,
        friend_words=_friend_words(file, orders, guide_id, now) if is_own else "",
        follow_up=_follow_up_words(file, now),
        follow_up_days=_soon(now),
        appointments=rows_of_card(file.appointments, actor=actor, now=now),
        cases=complaints.rows_of_card(file.cases, actor=actor, now=now),
        notes=_notes(file, actor),
        note_words=words_to_tap(
            [(row["body"], row["guide_id"]) for row in file.notes], guide_id=guide_id
        ),
        confirmed=known,
        hints=hints_of(noted, known=known) if may_write else [],
        visits=_visits(file, now),
        visit_today=_visit_today(file, guide_id, now) if may_write else None,
        reasons=[(value, str(label)) for value, label in VisitReason.choices],
        orders=[_bought(order) for order in orders[:ORDERS]],
        likings=likings(orders),
        tags=tags,
        more_tags=more_tags,
        relations=_relations(file, actor),
        consents=_consents(file, now),
        story=_story(events, file, actor=actor),
        older=_older(events, file, before=before, now=now),
        may_write=may_write,
        may_ask_number=is_own and actor.can(Capability.MANAGE_TEAM),
        may_claim=(file.serving or {}).get("guide_id") != actor.guide_id,
        sending=_sending(file, cards, guide_id=guide_id, may_send=is_own),
    )


# --- who, and when next ---------------------------------------------------------------------------


def _origin(file: Dossier, actor: Actor) -> str:
    serving = file.serving
    owner = own_word(serving["guide_id"], serving["guide"], actor) if serving else ""
    who = _("Served by %(who)s") % {"who": owner} if owner else ""
    return " · ".join(filter(None, (file.home_store, who)))


def source_words(file: Dossier, guide_id: int) -> str:
    """How and when TA became this guide's WeCom friend; else a colleague's, the first of them."""
    friend = file.friend_of(guide_id) or next(iter(file.friends), None)
    if friend is None:
        return ""
    how = friend["code"] or AddWay.words(friend["way"])
    return _("%(how)s on %(day)s") % {"how": how, "day": month_day(friend["at"])}


def _stage(file: Dossier, now: datetime) -> str:
    if file.profile is None:
        return ""
    limits = file.version or StageVersion(published_at=now)
    return stage_sentence(file.profile, now=now, version=limits)


def _stage_chip(file: Dossier) -> Chip | None:
    if file.is_stopped:
        return Chip("shield", _("no contact wanted"), "late")
    away = file.profile is not None and file.profile.stage in AWAY
    return Chip("clock", _("Not seen for long"), "warn") if away else None


def _why(target: TaskTarget, now: datetime) -> Why:
    return Why(
        target_id=target.pk,
        task_id=target.task_id,
        why=target.why,
        push_title=target.push.title,
        due=due_chip(target.due_at, now=now),
        can_send=target.state in SENDABLE,
        href=links.numbered("target", target.pk),
    )


def _sending(file: Dossier, cards: Sequence[Why], *, guide_id: int, may_send: bool) -> Sending:
    if file.is_stopped or not may_send:
        return Sending()
    if file.friend_of(guide_id) is None:
        words = _("Ask TA to add you again") if file.was_friend else _("Ask TA to add you")
        return Sending(href="#friend", label=words)
    sendable = next((one for one in cards if one.can_send), None)
    if sendable is not None:
        return Sending(href=sendable.href, label=_("Send a message"))
    if cards or file.is_waiting:
        return Sending(off=_("Waiting for WeCom's result"))
    href = links.of_person("message", file.member.public_id)
    return Sending(href=href, label=_("Send a message"))


def asking_of(file: Dossier, actor: Actor) -> Asking | None:
    """The invitation for who has not joined; whoever wants no contact is asked nothing."""
    if file.member.joined_at is not None or file.is_stopped:
        return None
    row = file.refusal
    if row is None:
        return asking()
    who = own_word(row["guide_id"], row["guide"], actor)
    return asking(said_words(row["reason"], who, row["at"]))


def _friend_words(file: Dossier, orders: Sequence[OrderView], guide_id: int, now: datetime) -> str:
    """Why to ask for the WeCom link now; "" when there is one, or when TA wants none."""
    if file.is_stopped or file.friend_of(guide_id) is not None:
        return ""
    if file.was_friend:
        return _("TA is no WeCom friend of yours any more. Let TA scan your contact code.")
    since = now - timedelta(days=ASK_FOR_FRIEND_DAYS)
    last = next((one for one in orders if one.kind == Order.Kind.SALE), None)
    if last is not None and last.paid_at >= since and not file.friends:
        return _("TA bought on %(day)s and is nobody's WeCom friend yet: a good moment to ask.") % {
            "day": month_day(last.paid_at)
        }
    return _("TA is not your WeCom friend yet. Let TA scan your contact code.")


def _follow_up_words(file: Dossier, now: datetime) -> str:
    if file.follow_up is None:
        return ""
    days = (file.follow_up - clock.business_day(now)).days
    if days < 0:
        return _("was due on %(day)s") % {"day": month_day(file.follow_up)}
    named = {0: _("today"), 1: _("tomorrow")}
    return named.get(days) or month_day(file.follow_up)


def _soon(now: datetime) -> list[tuple[str, str]]:
    today = clock.business_day(now)
    labels = (_("Tomorrow"), _("In 3 days"), _("Next week"))
    return [
        ((today + timedelta(days=days)).isoformat(), label)
        for days, label in zip(SOON, labels, strict=True)
    ]


# --- notes, visits, purchases ---------------------------------------------------------------------


def _notes(file: Dossier, actor: Actor) -> list[dict[str, Any]]:
    return [
        {
            "body": row["body"],
            "by": own_word(row["guide_id"], row["guide"], actor),
            "created_at": row["at"],
            "undo": _undo(file, row["client_id"]),
        }
        for row in file.notes
    ]


def _undo(file: Dossier, client_id: str) -> str:
    """Where this guide takes back what was written down just now; "" for all else."""
    return reverse("guide_portal:undo_act", args=[client_id]) if client_id in file.fresh else ""


def _visits(file: Dossier, now: datetime) -> list[tuple[str, str, str]]:
    """到店 in 30 and 90 days, and how long ago the last one was, with its reason."""
    lately = sum(row["at"] >= now - timedelta(days=30) for row in file.visits)
    times = _("%(n)s times")
    lines = [
        (_("30 days"), times % {"n": lately}, ""),
        (_("90 days"), times % {"n": len(file.visits)}, ""),
    ]
    if file.visits:
        last = file.visits[0]
        reason = str(VisitReason(last["reason"]).label) if last["reason"] else ""
        detail = " · ".join(filter(None, (month_day(last["at"]), reason)))
        lines.append((_("Last visit"), ago_words(clock.business_day(last["at"]), now=now), detail))
    return lines


def _visit_today(file: Dossier, guide_id: int, now: datetime) -> VisitToday | None:
    """The visit this guide wrote down last, of today or brought by the phone just now."""
    today = clock.business_day(now)
    for row in file.visits:
        undo = _undo(file, row["source"].removeprefix(VISIT_SOURCE))
        is_today = clock.business_day(row["at"]) == today
        if row["guide_id"] == guide_id and (undo or is_today):
            asks = is_today and not row["reason"]
            return VisitToday(visit_id=row["pk"], asks=asks, undo=undo, at=row["at"])
    return None


def _bought(order: OrderView) -> Bought:
    line = order.lines[0] if order.lines else None
    name = (line.product if line else "") or _("Purchase")
    if order.kind == Order.Kind.RETURN:
        name = _("Returned: %(what)s") % {"what": name}
    parts = [line.colour, size_words(line.size)] if line else []
    detail = " · ".join(filter(None, [*parts, month_day(order.paid_at), order.store_name]))
    return Bought(name=name, detail=detail, net_fen=order.net_fen)


def _tags_where(wanted: Q) -> QuerySet[Tag]:
    found = Tag.objects.filter(wanted).select_related("group")
    return found.order_by("group__position", "group__name", "name")


_CARRIED = Compiled(lambda: _tags_where(Q(among("pk", "tags"))))
_CARRIED_AND_OFFERED = Compiled(
    lambda: _tags_where(
        Q(among("pk", "tags")) | Q(group__guides_may_apply=True, retired_at__isnull=True)
    )
)


def _tags(file: Dossier, *, may_write: bool) -> tuple[list[Tag], list[Tag]]:
    """Tags carried, and those to offer: one question for both."""
    asked = _CARRIED_AND_OFFERED if may_write else _CARRIED
    own = set(file.tag_ids)
    found = asked.rows(tags=list(own))
    carried = [tag for tag in found if tag.pk in own]
    more = [tag for tag in found if tag.pk not in own]
    return carried, more[:TAGS_OFFERED]


# --- three relations, consent ---------------------------------------------------------------------


def _relations(file: Dossier, actor: Actor) -> list[tuple[str, str, str]]:
    serving, last, friends = file.serving, file.last, file.friends
    nobody, since = _("nobody"), _("since %(day)s")
    kinds = dict(Interaction.Kind.choices)

    def who(row: dict[str, Any] | None) -> str:
        return own_word(row["guide_id"], row["guide"], actor) if row else nobody

    def from_day(row: dict[str, Any]) -> str:
        return since % {"day": month_day(row["at"])}

    return [
        (
            _("Serving guide"),
            who(serving),
            f"{serving['store']} · {from_day(serving)}" if serving else "",
        ),
        (
            _("Last contact"),
            who(last),
            f"{month_day(last['at'])} · {kinds[last['kind']]}" if last else "",
        ),
        (
            _("WeCom friends"),
            "、".join(who(row) for row in friends) or nobody,
            from_day(friends[0]) if friends else "",
        ),
    ]


def _consents(file: Dossier, now: datetime) -> list[tuple[str, str, str, str]]:
    """(what, its state, since when, icon of the state)."""
    given = {row["purpose"]: row["at"] for row in file.consents}
    words = [
        (_("WeCom messages"), Consent.Purpose.WECOM_MARKETING),
        (_("SMS"), Consent.Purpose.SMS_MARKETING),
    ]
    lines = [
        (
            word,
            _("agreed") if purpose in given else _("not agreed"),
            month_day(given.get(purpose)),
            "ok" if purpose in given else "skip",
        )
        for word, purpose in words
    ]
    last = file.last["at"] if file.last else None
    talked = last is not None and clock.business_day(last) == clock.business_day(now)
    detail = _("somebody talked with TA today") if talked else _("nobody talked with TA today")
    left = max(monthly_cap(now) - file.budget_used, 0)
    month = _("TA can get %(n)s more sends") % {"n": left}
    return [*lines, (_("This month"), month, detail, "")]


# --- what happened --------------------------------------------------------------------------------

_ICONS: dict[str, tuple[str, str]] = {
    Kind.FRIEND_ADDED: ("chat", "wx"),
    Kind.FRIEND_ENDED: ("chat", "wx"),
    Kind.CONTACT_GRADED: ("send", "wx"),
    Kind.CONTACT_FAILED: ("alert", "wx"),
    Kind.ENGAGED: ("link", "link"),
    Kind.ORDER_PLACED: ("bag", "till"),
    Kind.ORDER_RETURNED: ("bag", "till"),
    Kind.PURCHASED: ("bag", "till"),
    Kind.COUPON_GIVEN: ("ticket", ""),
    Kind.COUPON_USED: ("ticket", "till"),
    Kind.COUPON_BACK: ("ticket", "till"),
    Kind.COUPON_WITHDRAWN: ("ticket", ""),
    Kind.VISITED: ("store", "till"),
    Kind.VISIT_NOTED: ("store", "till"),
    Kind.VISIT_TAKEN_BACK: ("skip", ""),
    Kind.JOIN_REFUSED: ("skip", ""),
    Kind.APPOINTMENT_BOOKED: ("clock", ""),
    Kind.APPOINTMENT_KEPT: ("store", "till"),
    Kind.APPOINTMENT_MISSED: ("skip", ""),
    Kind.APPOINTMENT_CANCELLED: ("skip", ""),
    Kind.CASE_OPENED: ("alert", ""),
    Kind.CASE_CLOSED: ("ok", ""),
    Kind.CONCESSION_GRANTED: ("ok", ""),
    Kind.CASE_REOPENED: ("alert", ""),
    Kind.NOTE_ADDED: ("note", ""),
    Kind.NOTE_TAKEN_BACK: ("skip", ""),
    Kind.TAGGED: ("tag", ""),
    Kind.UNTAGGED: ("tag", ""),
    Kind.STOPPED: ("shield", ""),
    Kind.TASK_EXCUSED: ("skip", ""),
}
# the first page looks into the last months alone; what lies before is one tap away
STORY_DAYS = timedelta(days=400)


_LATELY = Compiled(
    lambda: (
        MemberEvent.objects.filter(
            among("member_id", "members"), occurred_at__gte=Place("since", DateTimeField())
        )
        .exclude(told_already())
        .order_by("-occurred_at", "-id")[:STORY]
    )
)


def _events(file: Dossier, *, before: datetime | None, now: datetime) -> list[MemberEvent]:
    if before is not None:
        return timeline_page(member_ids=file.group, before=before, limit=STORY, proofs=False)
    return _LATELY.rows(members=file.group, since=now - STORY_DAYS)


def _older(
    events: Sequence[MemberEvent], file: Dossier, *, before: datetime | None, now: datetime
) -> str:
    """From where earlier events are shown; "" when there can be none."""
    if len(events) == STORY:
        return events[-1].occurred_at.isoformat()
    floor = now - STORY_DAYS
    return floor.isoformat() if before is None and file.member.created_at < floor else ""


# `get_kind_display` translates every kind to say one
_KINDS = dict(Kind.choices)


def _story(events: Sequence[MemberEvent], file: Dossier, *, actor: Actor) -> list[Happened]:
    names = _names(events, file)
    sources = {"wx": _("WeCom"), "till": _("Till"), "link": _("Link in the message")}
    story = []
    for event in events:
        icon, tone = _ICONS.get(event.kind, ("gear", ""))
        guide_id = _guide_of(event)
        who = own_word(guide_id, names.get(guide_id, ""), actor) if guide_id else ""
        source = who or sources.get(tone, pgettext("source", "System"))
        words = str(_KINDS.get(event.kind, event.kind))
        story.append(Happened(event.occurred_at, words, source, icon, tone))
    return story


def _names(events: Sequence[MemberEvent], file: Dossier) -> dict[int, str]:
    """Names of the guides in the story: mostly those the record has read already."""
    rows = [*file.friends, *file.notes, *file.visits, *filter(None, (file.serving, file.last))]
    known = {row["guide_id"]: row["guide"] for row in rows}
    unknown = {found for event in events if (found := _guide_of(event))} - set(known)
    if unknown:
        known |= dict(Guide.objects.filter(pk__in=unknown).values_list("pk", "name"))
    return known


def _guide_of(event: MemberEvent) -> int | None:
    kind, _colon, number = event.actor.partition(":")
    return int(number) if kind == "guide" and number.isdigit() else None
