"""How this phone shows the pages: light, dark or as the phone has it; and the care theme.

Kept in a cookie: the server writes the theme into the first byte of a page, so nothing flashes, no
script runs, and a guide may want large type on one phone alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

COOKIE = "look"
YEAR_SECONDS = 365 * 86_400
THEMES = ("light", "dark")
_CARE = "care"


@dataclass(frozen=True, slots=True)
class Display:
    """`theme` is "" when it follows the phone."""

    theme: str = ""
    care: bool = False

    @property
    def cookie(self) -> str:
        return f"{self.theme}.{_CARE if self.care else ''}"


def chosen(cookies: Mapping[str, str]) -> Display:
    """What the cookie says; what it cannot have been given by us counts as nothing."""
    theme, _dot, care = cookies.get(COOKIE, "").partition(".")
    return Display(theme=theme if theme in THEMES else "", care=care == _CARE)


def words(shown: Display) -> str:
    """浅色 · 大字号"""
    themes = {
        "": _("As the phone"),
        "light": pgettext("guide page", "Light"),
        "dark": pgettext("guide page", "Dark"),
    }
    return " · ".join(filter(None, (themes[shown.theme], _("Large type") if shown.care else "")))
