"""Small pieces of guide pages: icons from the sprite, money, days, client ids."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.ids import uuid7
from apps.guide_portal import display, links
from apps.outreach.attachments import Piece, sealed

register = template.Library()


@register.simple_tag(takes_context=True)
def look(context: Mapping[str, Any]) -> SafeString:
    """Attributes of <html>: what this phone chose, there before the first paint."""
    request = context.get("request")
    chosen = display.chosen(request.COOKIES) if request is not None else display.Display()
    theme = format_html(' data-theme="{}"', chosen.theme) if chosen.theme else SafeString("")
    return theme + SafeString(" data-care" if chosen.care else "")


@register.simple_tag
@cache
def icon(name: str, extra: str = "") -> SafeString:
    """One drawing of the sprite, in the colour of the text around it. A page has hundreds, of a
    few dozen drawings: each is made once."""
    return format_html(
        '<svg class="i {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        extra,
        static("guide_portal/icons.svg"),
        name,
    )


register.simple_tag(links.to)


@register.simple_tag
@cache
def file(name: str) -> str:
    """The address of a static file: it changes with the file, so never while a process runs."""
    return static(name)


@register.simple_tag
def client_id() -> SafeString:
    """A hidden id made once per form: sending the form again is the same act."""
    return SafeString(f'<input type="hidden" name="client_id" value="{uuid7()}">')


@register.filter
def hidden(numbers: Iterable[int], name: str) -> SafeString:
    """Rows that a form is about, by their numbers."""
    return format_html_join(
        "", '<input type="hidden" name="{}" value="{}">', ((name, n) for n in numbers)
    )


@register.filter
def yuan(fen: int | None) -> str:
    """Fen as ¥1,234.50; whole yuan without decimals, below zero the sign comes first."""
    sign = "-" if fen and fen < 0 else ""
    amount = Decimal(abs(fen or 0)) / 100
    places = 0 if amount == amount.to_integral_value() else 2
    return f"{sign}¥{amount:,.{places}f}"


@cache
def _strip(tone: str) -> SafeString:
    return format_html('<i class="{}"></i>', tone)


@register.filter
def strips(tones: Iterable[str]) -> SafeString:
    """A bar's cells. A page has hundreds, in four tones: each is made once."""
    return SafeString("".join(map(_strip, tones)))


@lru_cache(maxsize=4096)
def _face(tint: int, initial: str) -> SafeString:
    return format_html('<span class="face f{}" aria-hidden="true">{}</span>', tint, initial)


@register.filter
def face(person: Any) -> SafeString:
    """Who a row is about, as the letter in a circle."""
    return _face(person.tint, person.initial)


_CHIP = '<span class="chip {}">{}{}</span>'


@register.filter(name="chip")
@lru_cache(maxsize=4096)
def chip_of(chip: Any) -> SafeString:
    """A state: icon and word; nothing for no chip. A page has dozens, most of them alike."""
    if not chip:
        return SafeString("")
    return format_html(_CHIP, chip.tone, icon(chip.icon), chip.word)


@lru_cache(maxsize=4096)
def _drawn(piece: Any, template: str, _language: str | None) -> SafeString:
    return render_to_string(template, {"piece": piece})


@register.filter
def drawn(piece: Any, template: str) -> SafeString:
    """A card or row as its template draws it. It is kept under everything it shows: a page is
    opened again and again, and of its pieces few have changed. So the template may read the piece
    alone, and the piece may hold nothing that a moment later reads differently."""
    return _drawn(piece, template, get_language())


_LIGHT_ROW = (
    '<a class="row low" href="{}"><span class="fill"><span class="body clip block">{}</span>'
    '<span class="sub clip block">{}</span></span>{}</a>'
)


@register.filter
def light_rows(rows: Iterable[Any]) -> SafeString:
    """Pieces of work behind 更多, up to a hundred of them, without a look-up for each word."""
    return SafeString("".join(map(_light_row, rows)))


@lru_cache(maxsize=4096)
def _light_row(row: Any) -> SafeString:
    return format_html(_LIGHT_ROW, row.href, row.name, row.words, chip_of(row.due))


@register.filter
def month_day(value: date | datetime | None) -> str:
    """8月21日, with the year when it is not this one."""
    if value is None:
        return ""
    day = clock.business_day(value) if isinstance(value, datetime) else value
    this_year = day.year == clock.today().year
    pattern = _("%(month)s/%(day)s") if this_year else _("%(year)s-%(month)s-%(day)s")
    return pattern % {"year": day.year, "month": day.month, "day": day.day}


def days_from_to(first: date, last: date) -> str:
    """A period by its first and last day."""
    return f"{month_day(first)}–{month_day(last)}"


@register.filter
def hour_minute(value: datetime | None) -> str:
    """The chain's time of day of a moment."""
    return f"{value.astimezone(clock.chain_tz()):%H:%M}" if value else ""


@register.filter
def when(value: datetime | None) -> str:
    """Time alone today, the day before it otherwise."""
    if value is None:
        return ""
    if clock.business_day(value) == clock.today():
        return hour_minute(value)
    return f"{month_day(value)} {hour_minute(value)}"


_FACT = re.compile(r"\d[\d,.]*\s?(?:天|元|次|件|码|双|days|yuan)|「[^」]{1,20}」")


@register.filter
def deciding(sentence: str) -> SafeString:
    """The reason with its deciding fact, the first number or name in it, in bold."""
    found = _FACT.search(sentence or "")
    if found is None:
        return format_html("{}", sentence or "")
    before, fact, after = sentence[: found.start()], found[0], sentence[found.end() :]
    return format_html("{}<b>{}</b>{}", before, fact, after)


@register.filter
def picture_address(file: str) -> str:
    """Where this page finds a picture that goes out with a message."""
    return reverse("guide_portal:picture", args=[sealed(file)]) if file else ""


@register.filter
def has_pictures(pieces: Iterable[Piece]) -> bool:
    return any(piece["kind"] == "image" for piece in pieces or ())
