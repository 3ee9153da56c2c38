"""What an app may call: switched off, fallen out of use, listed as callable, authorised."""

from .endpoints import Call
from .endpoints.base import Endpoint, Needs
from .errors import ApiError
from .host import covers

DAY_S = 86400


def check(call: Call, spec: Endpoint) -> None:
    """Raises what the real host says to an app without the right."""
    if call.agent.get("disabled"):
        raise ApiError(50003)
    if _fell_out_of_use(call):
        raise ApiError(48006)
    if spec.needs in (Needs.CUSTOMERS, Needs.AGENT) and call.app == "contacts":
        raise ApiError(48002)
    if spec.needs is Needs.CUSTOMERS and not call.agent.get("customer_contact", True):
        raise ApiError(48002)
    if any(covers(pattern, call.path) for pattern in call.agent.get("forbidden", ())):
        raise ApiError(48001)


def _fell_out_of_use(call: Call) -> bool:
    """The app did nothing for so many days: an administrator has to switch it on again."""
    days = call.world.switches["disuse_days"]
    last = call.world.last_used.get(call.app)
    return bool(days) and last is not None and call.now - last > days * DAY_S
