"""How head office prints money, shares and changes."""

from datetime import timedelta
from math import ceil
from typing import Any

from django import template
from django.utils.translation import gettext

from apps.core.money import format_fen
from apps.hq import look
from apps.wecom.models import Corp
from apps.wecom.selectors import active_corps

register = template.Library()


@register.simple_tag
def corps_to_scan_in() -> list[Corp]:
    """The corps to choose from at the sign-in; none where there is no choice."""
    corps = active_corps()
    return corps if len(corps) > 1 else []


@register.filter
def intcomma(value: int | float | None) -> str:
    """1234567 → 1,234,567 in every language; the locale's own grouping is by four."""
    return "—" if value is None else f"{value:,}"


@register.filter
def fen(value: int | None) -> str:
    """123450 → ¥1,234.50; nothing → —"""
    return "—" if value in (None, "") else format_fen(round(value))  # "" = a way that ended


@register.filter
def yuan(value: float | None) -> str:
    """Fen as whole yuan, sign first: 124000 → ¥1,240"""
    if value is None:
        return "—"
    whole = round(value / 100)
    return f"{'-' if whole < 0 else ''}¥{abs(whole):,}"


@register.filter
def size(value: float | None) -> float | None:
    """The amount without its sign."""
    return None if value is None else abs(value)


@register.filter
def share(value: float | None, digits: int = 1) -> str:
    """0.1312 → 13.1%; a denominator of zero has given None → —"""
    return "—" if value is None else f"{value * 100:.{digits}f}%"


@register.filter
def lasting(value: timedelta) -> str:
    """A length of time one can plan with: minutes, from two hours on hours."""
    minutes = ceil(value.total_seconds() / 60)
    if minutes < 120:
        return gettext("%(n)s min") % {"n": minutes}
    return gettext("%(n)s h") % {"n": f"{minutes / 60:.1f}"}


@register.filter
def change(value: float | None) -> str:
    """An arrow, never a colour: 0.082 → ↑ 8.2%"""
    if value is None:
        return "—"
    return f"{'↑' if value >= 0 else '↓'} {abs(value) * 100:.1f}%"


@register.simple_tag(takes_context=True)
def way_here(context: template.Context, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The way to a page of the admin: the menu's word in place of the room's, no word twice."""
    entry = look.entry_of(context["request"])
    if entry is None or len(parts) < 2:
        return parts
    words = [str(entry["title"]), str(parts[1]["title"])]
    way = [{"link": entry["link"], "title": entry["title"]}, *parts[1:]]
    return way if words[0] != words[1] else way[1:]
