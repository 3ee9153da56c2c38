"""话术: texts with variables, written the way store people write them: {称呼}，{门店}到了新款。"""

import re
from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError

# variable → what stands there when the member's record does not say
CUSTOMER_VARIABLES = {
    "姓名": "您",
    "称呼": "您",
    "上次购买": "之前选的那款",
    "尺码": "合适的尺码",
    "天数": "好些",
}
GUIDE_VARIABLES = {"导购": "我", "门店": "门店"}
VARIABLES: dict[str, str] = {**CUSTOMER_VARIABLES, **GUIDE_VARIABLES}

_PLACE = re.compile(r"\{([^{}]*)\}")


class UnknownVariable(DomainError):
    code = "unknown_variable"
    message = _("The script uses {%(name)s}, which is not one of: %(known)s.")


class BrokenVariable(UnknownVariable):
    code = "broken_variable"
    message = _("A curly bracket in the script is not closed.")


def variables_in(body: str) -> list[str]:
    """Names in curly brackets, in order, each once."""
    return list(dict.fromkeys(name.strip() for name in _PLACE.findall(body)))


def validate_script(body: str) -> None:
    """Raise UnknownVariable when the text names what we cannot fill in."""
    for name in variables_in(body):
        if name not in VARIABLES:
            known = " ".join(f"{{{known}}}" for known in VARIABLES)
            raise UnknownVariable(name=name, known=known)
    if re.search(r"[{}]", _PLACE.sub("", body)):
        raise BrokenVariable()


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
