"""What every action needs: the refusal, and the people it is about."""

from typing import Any
from zoneinfo import ZoneInfo

from ..world import Row, World

CHINA = ZoneInfo("Asia/Shanghai")


class ActionError(Exception):
    """Somebody tried what a phone would not let them do."""


def require_user(world: World, userid: Any) -> Row:
    user = world.users.get(world.user_names.get(str(userid).lower(), ""))
    if user is None:
        raise ActionError(f"No member with userid {userid!r}.")
    return user


def require_customer(world: World, external_userid: Any) -> Row:
    customer = world.customers.get(str(external_userid))
    if customer is None:
        raise ActionError(f"No customer with external_userid {external_userid!r}.")
    return customer


def require_friends(world: World, data: Row) -> tuple[str, str]:
    userid = require_user(world, data.get("userid"))["userid"]
    ident = require_customer(world, data.get("external_userid"))["external_userid"]
    if userid not in world.follows.get(ident, {}):
        raise ActionError("They are not friends.")
    return userid, ident
