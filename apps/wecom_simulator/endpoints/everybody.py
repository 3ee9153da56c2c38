"""Everybody the corp serves, friends or not, and the ids of a person in other places."""

import hashlib

from ..errors import ApiError
from ..world import Row
from .base import Call, Needs, endpoint, page, page_size, text
from .session import open_id

TMP_LIFE_S = 4 * 3600
CUSTOMER = 2  # of the people in a group


@endpoint("externalcontact/contact_list", needs=Needs.CUSTOMERS)
def contact_list(call: Call) -> Row:
    """Customers by friendship, then people of customer groups who are nobody's friends."""
    visible = call.visible_users()
    rows = [
        _friend(call, userid, ident, follow)
        for userid in sorted(visible)
        for ident, follow in call.world.contacts_of(userid).items()
        if not follow.get("half")
    ]
    friends = {row["external_userid"] for row in rows}
    for group in call.world.groups.values():
        if group["owner"] in visible and not group["dismissed_at"]:
            rows += [
                _stranger(call, group, ident, person)
                for ident, person in group["members"].items()
                if person.get("type") == CUSTOMER and ident not in friends
            ]
    size = page_size(call.body, default=1000, most=1000)
    part, cursor = page(call, rows, size=size, scope="contact_list")
    return {"info_list": part, "next_cursor": cursor}


def _tmp_openid(call: Call, ident: str) -> str:
    """Another one every four hours."""
    turn = int(call.now // TMP_LIFE_S)
    return "tmp_" + hashlib.sha256(f"{ident}:{turn}".encode()).hexdigest()[:28]


def _friend(call: Call, userid: str, ident: str, follow: Row) -> Row:
    return {
        "is_customer": True, "tmp_openid": _tmp_openid(call, ident), "external_userid": ident,
        "follow_userid": userid, "add_time": follow["createtime"],
    }  # fmt: skip


def _stranger(call: Call, group: Row, ident: str, person: Row) -> Row:
    name = call.world.customers.get(ident, {}).get("name", "")
    return {
        "is_customer": False, "tmp_openid": _tmp_openid(call, ident), "name": f"{name[:1]}**",
        "chat_id": group["chat_id"], "chat_name": group["name"], "add_time": person["join_time"],
    }  # fmt: skip


@endpoint("externalcontact/convert_to_openid", needs=Needs.CUSTOMERS)
def customer_to_openid(call: Call) -> Row:
    ident = text(call.body, "external_userid", empty=41035)
    if not call.visible_users() & set(call.world.follows.get(ident, {})):
        raise ApiError(40096)
    return {"openid": open_id(ident)}


@endpoint("user/convert_to_openid")
def member_to_openid(call: Call) -> Row:
    return {"openid": open_id(call.user(text(call.body, "userid"))["userid"])}


@endpoint("user/convert_to_userid")
def openid_to_member(call: Call) -> Row:
    asked = text(call.body, "openid")
    found = (userid for userid in call.visible_users() if open_id(userid) == asked)
    userid = next(found, "")
    if not userid:
        raise ApiError(43004)
    return {"userid": userid}
