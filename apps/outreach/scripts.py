"""话术: texts with variables, written the way store people write them: {称呼}，{门店}到了新款。"""

import re
from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError

# variable → what stands there when the member's record does not say
CUSTOMER_VARIABLES = {
    "姓名": "您",
    "称呼": "您",
    "上次购买": "之前选的那款",
    "尺码": "合适的尺码",
    "天数": "好些",
    "预约": "约好的时间",
}
GUIDE_VARIABLES = {"导购": "我", "门店": "门店"}
VARIABLES: dict[str, str] = {**CUSTOMER_VARIABLES, **GUIDE_VARIABLES}

# what a store's own wording may be long: some room, also for the shortest script
ROOM, LEAST_ROOM, MOST = 2, 200, 1000
# WeCom counts the bytes of the whole message: room for names, last purchase and the tracked link
MOST_BYTES, ROOM_BYTES = 4_000, 400

_PLACE = re.compile(r"\{([^{}]*)\}")
_LINK = re.compile(r"(?:https?://|www\.)[!-~]+", re.IGNORECASE)


class UnknownVariable(DomainError):
    code = "unknown_variable"
    message = _("The script uses {%(name)s}, which is not one of: %(known)s.")


class BrokenVariable(UnknownVariable):
    code = "broken_variable"
    message = _("A curly bracket in the script is not closed.")


class TooManyBytes(DomainError):
    code = "too_many_bytes"
    message = _("Too long for WeCom together with names and link: shorten it by %(over)s bytes.")


class WordsMissing(DomainError):
    code = "words_missing"
    message = _("Write what is to be said; head office's words stay as long as there are none.")


class WordsTooLong(DomainError):
    code = "words_too_long"
    message = _("At most %(most)s characters, these are %(length)s.")


class VariablesChanged(DomainError):
    code = "variables_changed"
    message = _("These must stand in it, and no others: %(wanted)s.")


class ForbiddenWords(DomainError):
    code = "forbidden_words"
    message = _("Not allowed in messages to customers: %(words)s.")


def variables_in(body: str) -> list[str]:
    """Names in curly brackets, in order, each once."""
    return list(dict.fromkeys(name.strip() for name in _PLACE.findall(body)))


def validate_script(body: str) -> None:
    """Raise UnknownVariable when the text names what we cannot fill in, TooManyBytes when WeCom
    would not take it once everything stands in it."""
    size = len(body.encode()) + ROOM_BYTES
    if size > MOST_BYTES:
        raise TooManyBytes(over=size - MOST_BYTES)
    for name in variables_in(body):
        if name not in VARIABLES:
            known = " ".join(f"{{{known}}}" for known in VARIABLES)
            raise UnknownVariable(name=name, known=known)
    if re.search(r"[{}]", _PLACE.sub("", body)):
        raise BrokenVariable()


def links_in(body: str) -> list[str]:
    """Addresses in the text, in order, each once."""
    return list(dict.fromkeys(_LINK.findall(body)))


def most_of(body: str) -> int:
    """How long another wording of this text may be."""
    return min(MOST, max(LEAST_ROOM, ROOM * len(body)))


def validate_wording(body: str, *, instead_of: str) -> None:
    """Raise unless the text may stand in for head office's: same variables, same links, not much
    longer, no forbidden word. Where head office says nothing there is nothing to word."""
    if not instead_of.strip():
        if body:
            raise VariablesChanged(wanted="—")
        return
    if not body.strip():
        raise WordsMissing()
    if len(body) > most_of(instead_of):
        raise WordsTooLong(most=most_of(instead_of), length=len(body))
    validate_script(body)
    wanted = [*(f"{{{name}}}" for name in variables_in(instead_of)), *links_in(instead_of)]
    found = [*(f"{{{name}}}" for name in variables_in(body)), *links_in(body)]
    if set(wanted) != set(found):
        raise VariablesChanged(wanted=" ".join(wanted) or "—")
    forbidden = [word for word in settings.SCRIPT_FORBIDDEN_WORDS if word in body]
    if forbidden:
        raise ForbiddenWords(words="、".join(forbidden))


def has_customer_variables(body: str) -> bool:
    """True if each customer gets their own text, so that one text for many is not possible."""
    return any(name in CUSTOMER_VARIABLES for name in variables_in(body))


def render(body: str, context: Mapping[str, str]) -> str:
    """The text with its variables filled in; an empty or missing value gives the neutral words."""
    validate_script(body)

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        return str(context.get(name) or VARIABLES[name])

    # 「{称呼}您好」 of somebody whose name is not known would greet twice
    return _PLACE.sub(value, body).replace("您您", "您")
