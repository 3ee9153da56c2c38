"""What a guide may say outside of every task: a first text, filled in for the customer."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.core import clock
from apps.guide_portal.cards import Person, person_of
from apps.guide_portal.dossier import Dossier
from apps.guide_tasks.selectors.contexts import (
    appointment_words,
    form_of_address,
    next_appointment,
)
from apps.guide_tasks.services.personal import Reach, reach_of
from apps.orders.selectors import last_purchases
from apps.outreach import scripts
from apps.outreach.models import MessageTemplate, ScriptVariant
from apps.stores.models import Posting

SCRIPTS = 6


@dataclass(frozen=True, slots=True)
class Script:
    label: str
    href: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class MessagePage:
    person: Person
    why: str
    text: str
    refusal: str
    external_userid: str
    scripts: list[Script]


def _first_words(code: str) -> str:
    """The house's own text for a list of the tab; the guide changes it as they like."""
    return {
        "birthday": _("{称呼}, {导购} of {门店} here. Happy birthday! How do you like {上次购买}?"),
        "new": _("{称呼}, I am {导购} of {门店}. Ask me about sizes and new arrivals any time."),
        "silent": _(
            "{称呼}, {导购} of {门店} here. How is {上次购买} doing? New arrivals are in, come by."
        ),
        "due": _("{称呼}, {导购} of {门店} here. Is {上次购买} still right for you?"),
    }.get(code, "")


def message_page(
    *, file: Dossier, actor: Actor, code: str, script_id: int | None, why: str, now: datetime
) -> MessagePage:
    """The page with a text to send to this customer."""
    member = file.member
    reach: Reach = reach_of(member=member, guide_id=actor.guide_id or 0, now=now)
    posting = _posting(actor, now)
    store_id = posting.store_id if posting else None
    offered = list(MessageTemplate.objects.usable_in(store_id).order_by("name")[:SCRIPTS])
    chosen = next((one for one in offered if one.pk == script_id), None)
    body = _words_of(chosen, store_id) if chosen else _first_words(code)
    address = reverse("guide_portal:message", args=[member.public_id])
    return MessagePage(
        person=person_of(member),
        why=why,
        text=scripts.render(body, _values(file, posting, now)) if body else "",
        refusal=reach.refusal,
        external_userid=reach.external_userid,
        scripts=[Script(one.name, f"{address}?script={one.pk}", one is chosen) for one in offered],
    )


def _posting(actor: Actor, now: datetime) -> Posting | None:
    """Where the guide stands today."""
    return (
        Posting.objects.on(clock.business_day(now))
        .filter(guide_id=actor.guide_id or 0)
        .select_related("guide", "store")
        .first()
    )


def _words_of(script: MessageTemplate, store_id: int | None) -> str:
    """As the guide's store says it."""
    own = ScriptVariant.objects.of_store(store_id).filter(script=script).first()
    return own.body if own else script.body


def _values(file: Dossier, posting: Posting | None, now: datetime) -> dict[str, str]:
    last = last_purchases(member_ids=[file.member.pk]).get(file.member.pk)
    profile, facts = file.profile, file.facts
    bought_on = profile.last_order_on if profile else None
    days = (clock.business_day(now) - bought_on).days if bought_on else None
    booked = next_appointment(file.member.survivor_id, now).first()
    return {
        "姓名": file.member.name,
        "称呼": form_of_address(file.member),
        "上次购买": last.product if last else "",
        "尺码": (facts.shoe_size or facts.clothing_size) if facts else "",
        "天数": "" if days is None else str(days),
        "预约": appointment_words(booked.starts_at if booked else None),
        "导购": posting.guide.name if posting else "",
        "门店": posting.store.name if posting else "",
    }
