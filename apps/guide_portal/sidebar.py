"""Reads for 侧边栏: who is in the chat, why now, and what can be sent into it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext as _

from apps.accounts import modules
from apps.accounts.actor import Actor
from apps.guide_portal import enrol
from apps.guide_portal.cards import SENDABLE, Card, Person, bought_words, person_of, target_cards
from apps.guide_portal.customers import own_word, visible
from apps.guide_portal.dossier import Dossier, read_dossier
from apps.guide_portal.facts import FirstFacts, first_facts
from apps.guide_portal.joining import Asking, invite_words
from apps.guide_portal.library import materials, spoken
from apps.guide_portal.record import asking_of, source_words
from apps.guide_portal.templatetags.portal import picture_address
from apps.guide_portal.texts import look_words, personal_text, refusal_words
from apps.guide_tasks.models import TaskTarget
from apps.guide_tasks.selectors import open_targets_of_member
from apps.guide_tasks.services.personal import is_new
from apps.guide_tasks.services.sending import is_marketing
from apps.loyalty.selectors import points_words
from apps.members.invites import IN_CHAT_FOR
from apps.members.models import Member, StopMark
from apps.members.selectors import holder_of
from apps.orders.selectors import last_purchases
from apps.outreach import policy
from apps.outreach.attachments import Piece, cover_address
from apps.outreach.selectors import pieces_for_chat
from apps.outreach.services import guide_pieces

# the policy's word on marketing (True) and on service (False); empty where nobody asked for both
Looks = Mapping[bool, policy.Look]


@dataclass(frozen=True, slots=True)
class SidebarPage:
    """The first screen: who, from where, whose, last purchase and total, why now.

    `stopped` wants no contact from anybody; `asking` and `invite` are for who has not joined;
    `unasked` says why TA is invited only where TA asks for it.
    """

    person: Person
    owner: str
    source: str
    facts: FirstFacts
    bought: str
    points: str
    note: str
    card: Card | None
    can_send: bool
    text: str
    refusal: str
    invite: "ChatMessage | None"
    asking: Asking | None
    unasked: str
    stopped: bool


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """Something to send into the chat: `message` is what `sendChatMessage` takes. Where WeCom does
    not take it `text` is copied, and `picture` shown to be passed on by hand."""

    pk: str
    title: str
    words: str
    message: str
    text: str
    picture: str = ""


def sidebar_member(*, actor: Actor, corp_id: str, external_userid: str) -> Member | None:
    """The customer of the chat, if known and in the actor's scope."""
    holder = holder_of("external_userid", corp_id, external_userid)
    return visible(actor).filter(pk=Subquery(holder)).first()


def sidebar_of(*, member: Member, actor: Actor, now: datetime) -> SidebarPage:
    """The card's first facts, and this guide's open task for the customer."""
    guide_id = actor.guide_id or 0
    file = read_dossier(member_id=member.pk, guide_id=guide_id, now=now)
    targets = open_targets_of_member(guide_id=guide_id, member_ids=file.group, now=now)
    bought = last_purchases(member_ids=sorted({member.pk, *(one.member_id for one in targets)}))
    cards = target_cards(targets, now=now, bought=bought)
    task = next((one for one in cards if one.can_send), next(iter(cards), None))
    target = next((one for one in targets if task and one.pk == task.target_id), None)
    asked = asking_of(file, actor)
    invite = _invitation(guide_id, now) if asked else None
    # for the task and for the invitation together
    looks = policy.look_both_ways(member_id=member.pk, guide_id=guide_id, now=now) if invite else {}
    refusal = _refusal(target, task, looks, now)
    owner = own_word(file.serving["guide_id"], file.serving["guide"], actor) if file.serving else ""
    return SidebarPage(
        person=person_of(member),
        owner=_("Served by %(who)s") % {"who": owner} if owner else "",
        source=source_words(file, guide_id),
        facts=first_facts(file, guide_id=guide_id, now=now),
        points=points_words(file.points, now=now),
        bought=bought_words(bought.get(member.pk)),
        note=file.notes[0]["body"] if file.notes else "",
        card=task,
        can_send=task is not None and task.can_send and not refusal,
        text=personal_text(target, now=now, bought=bought) if target else "",
        refusal=refusal,
        invite=invite,
        asking=asked,
        unasked=_unasked(file, guide_id, looks, now) if invite else "",
        stopped=file.is_stopped,
    )


def _unasked(file: Dossier, guide_id: int, looks: Looks, now: datetime) -> str:
    """An invitation that nobody asked for is a word of the guide's own: the policy's answer to
    that, "" for yes."""
    friend = file.friend_of(guide_id)
    new = is_new(file.member, friend["at"] if friend else None, now=now)
    refusal, _contact = looks[not new]
    return policy.sentence(refusal) if refusal else ""


def _refusal(target: TaskTarget | None, task: Card | None, looks: Looks, now: datetime) -> str:
    if not (target and task and task.can_send):
        return ""
    if looks:
        return look_words(looks[is_marketing(target.push)], now=now)
    return refusal_words(target, now=now)


def _person(member: Member) -> tuple[list[int], bool]:
    """Every member id of this person, and whether one of them wants no contact."""
    stops = StopMark.objects.current().filter(member_id=OuterRef("pk"))
    rows = Member.objects.filter(survivor_id=member.pk).annotate(stopped=Exists(stops))
    found = list(rows.order_by("pk").values_list("pk", "stopped"))
    return [pk for pk, _stopped in found], any(stopped for _pk, stopped in found)


def chat_messages(*, member: Member, actor: Actor, now: datetime) -> list[ChatMessage]:
    """What goes with the open task's script, then the pages ready to send. Nothing for who asked
    for no contact."""
    guide_id = actor.guide_id or 0
    group, stopped = _person(member)
    if stopped:
        return []
    found = _of_task(group, guide_id, now)
    if modules.is_on(modules.Module.MATERIALS):
        found += [
            _link(f"page-{one.pk}", one.title, one.summary, one.url)
            for one in materials(guide_id=guide_id, now=now, counted=False)
        ]
    return found


def chat_scripts(*, member: Member, actor: Actor, now: datetime) -> list[ChatMessage]:
    """The library's words, in the guide's name and as the store says them. Nothing for who asked
    for no contact."""
    _group, stopped = _person(member)
    if stopped or not modules.is_on(modules.Module.SCRIPTS):
        return []
    found = spoken(guide_id=actor.guide_id or 0, now=now)
    return [_text(f"script-{one.pk}", one.name, one.text) for one in found]


def _of_task(group: Sequence[int], guide_id: int, now: datetime) -> list[ChatMessage]:
    """What goes beside the script of the open task that the sidebar shows. A picture that WeCom has
    not got yet cannot stand in a chat and is left out until it has."""
    targets = open_targets_of_member(guide_id=guide_id, member_ids=group, now=now)
    target = next((one for one in targets if one.state in SENDABLE), None)
    if target is None:
        return []
    pieces = pieces_for_chat(script_id=target.push.template_id, guide_id=guide_id, now=now)
    plain = [piece for piece, _media_id in pieces]
    coded = guide_pieces(pieces=plain, guide_ids=[guide_id], source=target.source)[guide_id]
    found = []
    for number, (piece, (_plain, media_id)) in enumerate(zip(coded, pieces, strict=True)):
        key = f"task-{number}"
        if piece["kind"] == "link":
            words = piece["summary"] or _("Goes with the task's message")
            found.append(
                _link(key, piece["title"], words, piece["url"], picture=piece["picture_url"])
            )
        elif piece["kind"] == "miniprogram":
            found.append(_mini_program(key, piece))
        elif media_id:
            address = picture_address(piece["file"])
            found.append(_picture(key, piece, media_id, address))
    return [] if found and refusal_words(target, now=now) else found


def _picture(pk: str, piece: Piece, media_id: str, address: str) -> ChatMessage:
    message = json.dumps({"msgtype": "image", "image": {"mediaid": media_id}})
    words = _("Picture that goes with the task's message")
    return ChatMessage(pk, piece["title"] or _("Picture"), words, message, "", address)


def _mini_program(pk: str, piece: Piece) -> ChatMessage:
    """Its cover is fetched by the phone itself, from an address that is open to anybody."""
    inner = {name: piece[name] for name in ("appid", "title", "page")}
    inner["imgUrl"] = cover_address(piece["file"])
    message = json.dumps({"msgtype": "miniprogram", "miniprogram": inner}, ensure_ascii=False)
    words = _("Mini program that goes with the task's message")
    return ChatMessage(pk, piece["title"], words, message, _named(piece["title"]))


def _named(title: str) -> str:
    """A mini program has no address outside WeChat: a text can only name it."""
    return _("Mini program in WeChat: %(title)s") % {"title": title}


def _invitation(guide_id: int, now: datetime) -> ChatMessage | None:
    """None for who works in no store today: there is nowhere to invite to."""
    try:
        page = enrol.enrol_page(guide_id=guide_id, now=now, valid_for=IN_CHAT_FOR)
    except enrol.NoStoreToday:
        return None
    words = _("%(store)s invites you; the number is entered on your own phone")
    card = _link("invite", _("Join as a member"), words % {"store": page.store}, page.address)
    return replace(card, text=invite_words(page.store, page.address))


def _text(pk: str, title: str, text: str) -> ChatMessage:
    message = json.dumps({"msgtype": "text", "text": {"content": text}}, ensure_ascii=False)
    return ChatMessage(pk, title, text, message, text)


def _link(pk: str, title: str, words: str, url: str, *, picture: str = "") -> ChatMessage:
    news = {"link": url, "title": title, "desc": words, "imgUrl": picture}
    message = json.dumps({"msgtype": "news", "news": news}, ensure_ascii=False)
    return ChatMessage(pk, title, words, message, f"{title} {url}")
