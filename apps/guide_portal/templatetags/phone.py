"""What pages tell the phone's script: whose they are, and what a form does to whom."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from apps.guide_portal.cards import Person
from apps.guide_portal.offline import files_version
from apps.guide_portal.saved import phone_key, words_for_script
from apps.guide_tasks.models import TaskItem

register = template.Library()


@register.inclusion_tag("guide_portal/partials/_phone.html", takes_context=True)
def phone(context: Mapping[str, Any]) -> dict[str, Any]:
    """The script's facts and words. `wipe` in a page's context orders the phone to forget."""
    actor = getattr(context.get("request"), "actor", None)
    return {
        "guide": "" if context.get("is_frame") or actor is None else phone_key(actor.guide_id),
        "version": files_version(),
        "wipe": context.get("wipe", ""),
        "is_frame": bool(context.get("is_frame")),
        "frame_words": _frame_words(get_language()),
    }


@cache
def _frame_words(language: str | None) -> SafeString:
    """The script's words and pieces of pages: the same on every page in a language."""
    words = words_for_script()
    return render_to_string("guide_portal/partials/_phone_words.html", {"script_words": words})


@register.simple_tag
def acts_on(kind: str, person: Person, target: int | str = "") -> SafeString:
    """Attributes of a form that may wait on the phone: its kind, and about whom it is."""
    return format_html(
        'data-action="{}" data-customer="{}" data-target="{}" data-name="{}" data-initial="{}"'
        ' data-tint="{}"',
        kind,
        person.public_id or "",
        target,
        person.full_name,
        person.initial,
        person.tint,
    )


@register.simple_tag
def acts_on_item(item: TaskItem) -> SafeString:
    """The same for work without a customer; what waits stands under the item's own name."""
    title = item.push.title
    return format_html(
        'data-action="item_not_suitable" data-customer="item-{}" data-target="{}" data-name="{}"'
        ' data-initial="{}" data-tint="5"',
        item.pk,
        item.pk,
        title,
        title[:1],
    )
