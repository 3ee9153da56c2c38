"""How often: counters in the shared cache, keyed by hashes. Losing them costs nobody anything."""

from typing import NamedTuple

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from apps.core import pii
from apps.core.errors import DomainError


class TooOften(DomainError):
    code = "too_often"
    message = _("That was too often. Please try again later.")


class Limit(NamedTuple):
    most: int
    seconds: int


HOUR, DAY = 3_600, 86_400
# a whole shop shares one address, and a busy guide enrols for an afternoon
JOINS_OF_ADDRESS = Limit(60, HOUR)
JOINS_OF_GUIDE = Limit(120, HOUR)
JOINS_OF_PHONE = Limit(10, HOUR)
CODES_OF_PHONE = Limit(6, DAY)
CODES_OF_ADDRESS = Limit(30, HOUR)
CODES_OF_GUIDE = Limit(40, HOUR)
FINDS_OF_BROWSER = Limit(20, HOUR)
# behind one address stands a whole mall, or a carrier; it stops who throws the cookie away
FINDS_OF_ADDRESS = Limit(400, HOUR)


def take(what: str, who: str, limit: Limit) -> None:
    """Count one; raises TooOften above the limit. `who` is hashed before it is a key."""
    key = f"member-limit:{what}:{pii.value_key('limit', what, who).hex()}"
    if cache.add(key, 1, limit.seconds):
        return
    try:
        count = cache.incr(key)
    except ValueError:  # it ran out between the two
        return
    if count > limit.most:
        raise TooOften
