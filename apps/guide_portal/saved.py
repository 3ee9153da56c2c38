"""What a guide's phone may keep for a shop floor without network: today's list, no numbers.

Names, reasons and the last purchase, nothing a guide wrote, no phone number, not even a masked one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from apps.guide_portal.cards import Card, todo_card
from apps.guide_portal.customers import note_words, offered_tags
from apps.guide_portal.items import ItemCard, items_today
from apps.guide_portal.reasons import item_reasons
from apps.guide_portal.today import Today, in_order
from apps.guide_tasks import selectors, shapes
from apps.members.services import NumberInDraft

TAGS = 12


def phone_key(guide_id: int | None) -> str:
    """Under what the phone keeps this guide's things; says nothing to anybody else."""
    return salted_hmac("guide-phone", str(guide_id)).hexdigest()[:16] if guide_id else ""


def saved_copy(*, guide_id: int, may_write: bool, most: int, now: datetime) -> dict[str, Any]:
    """Today as the phone may show it again, for `hours`."""
    day = selectors.today(guide_id=guide_id, now=now, bought=most)
    cards = [todo_card(card, now=now) for card in day.cards[:most]]
    items = items_today(guide_id=guide_id, now=now)
    work = in_order(day.cards[:most], items.todo, now=now)
    today = Today(day=day, first=[], later=[], handled=[], excused=[], tasks=[], items=items)
    tags = offered_tags().order_by("group__position", "name")[:TAGS] if may_write else ()
    return {
        "guide": phone_key(guide_id),
        "hours": settings.GUIDE_SAVED_HOURS,
        "done": today.done,
        "total": today.total,
        "left": today.left_words,
        "cells": today.cells if today.total else [],
        "words": today.words,
        "cards": [_card(card) for card in cards],
        "items": _items(work),
        "note_words": note_words([], guide_id=guide_id) if may_write else [],
        "tags": [{"id": tag.pk, "name": tag.name} for tag in tags],
        "may_write": may_write,
    }


def _card(card: Card) -> dict[str, Any]:
    return {
        "target": card.target_id,
        "customer": str(card.person.public_id),
        "name": card.person.full_name,
        "short": card.person.name,
        "initial": card.person.initial,
        "tint": card.person.tint,
        "subtitle": card.subtitle,
        "why": card.why,
        "bought": card.bought,
        "due": card.due.word if card.due else "",
        "late": bool(card.due and card.due.tone == "late"),
    }


def _items(work: Sequence[shapes.Card | ItemCard]) -> list[dict[str, Any]]:
    """Work without customers, each with how many customers stand before it in the list."""
    found: list[dict[str, Any]] = []
    customers = 0
    for piece in work:
        if not isinstance(piece, ItemCard):
            customers += 1
            continue
        found.append(
            {
                "item": piece.pk,
                "said": f"item-{piece.pk}",
                "name": piece.title,
                "initial": piece.title[:1],
                "tint": 5,
                "subtitle": piece.subtitle,
                "text": piece.refusal or piece.line or piece.text,
                "due": piece.due.word,
                "late": piece.due.tone == "late",
                "may_excuse": piece.may_excuse,
                "reasons": [reason["value"] for reason in item_reasons(piece.kind)],
                "before": customers,
            }
        )
    return found


def words_for_script() -> dict[str, str]:
    """The sentences a script says, so that they are translated where all others are."""
    return {
        "unsent": _("Can be sent once there is network"),
        "later": _("No network. Nothing was sent; tap again once there is"),
        "kept": _("Kept on this phone, submitted by itself once there is network"),
        "shown": _("No network, showing what was saved at {time}"),
        "waiting": _("{n} records wait for network"),
        "sending": _("There is network: submitting {n}"),
        "stop": _("Everybody stops writing to TA. Tap once more to confirm"),
        "unsubmitted": _(
            "{n} records are not submitted. Signing out deletes them; tap once more to sign out"
        ),
        "noted": _("Noted {time}"),
        "submitted": _("noted {time}, submitted {at}"),
        "note": _("Note about {name}"),
        "tag": _("Tag for {name}"),
        "visit": _("{name} was in the shop"),
        "not_suitable": _("{name}: not applicable"),
        "item_not_suitable": _("{name}: not applicable"),
        "follow_up": _("Follow up with {name}"),
        "draft": _("To be invited: {name}"),
        "no_number": str(NumberInDraft()),
        "note_here": _("Note: {words}"),
        "tag_here": _("Tag: {words}"),
        "visit_here": _("Was in the shop"),
        "not_suitable_here": _("Not applicable: {words}"),
        "item_not_suitable_here": _("Not applicable: {words}"),
        "follow_up_here": _("Follow up: {words}"),
        "draft_here": _("To be invited: {name}"),
        "queue": reverse("guide_portal:queue"),
        "actions": reverse("guide_portal:actions"),
        "saved": reverse("guide_portal:saved"),
        "tools": reverse("guide_portal:tools"),
        "offline": reverse("guide_portal:offline"),
        "worker": reverse("guide_portal:worker"),
    }
