"""Play people: whatever somebody does on a phone, and what the phones show."""

from typing import Any
from urllib.parse import urlparse

import requests

from .. import actions, js_calls, js_members, jssdk
from ..actions import ActionError
from ..host import Host
from ..world import Row
from .base import action, control

MOST_HOPS = 15
PHONE_BROWSER = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49 Language/zh_CN"
)

seed = action(actions.seed)
bulk = action(actions.bulk)
add_guide = action(actions.add_guide)
end_follow = action(actions.end_follow)
edit_follow = action(actions.edit_follow)
confirm_send = action(actions.confirm_send)
ignore_send = action(actions.ignore_send)
click_card = action(actions.click_card)
publish_moment = action(actions.publish_moment)
answer_moment = action(actions.answer_moment)
confirm_friend = action(actions.confirm_friend)
create_tag = action(actions.create_tag)
rename_tag = action(actions.rename_tag)
delete_tag = action(actions.delete_tag)
shuffle_tags = action(actions.shuffle_tags)
leave_company = action(actions.leave_company)
create_user = action(actions.create_user)
edit_user = action(actions.edit_user)
keep_department = action(actions.keep_department)
delete_department = action(actions.delete_department)
refuse_transfer = action(actions.refuse_transfer)
create_group = action(actions.create_group)
join_group = action(actions.join_group)
leave_group = action(actions.leave_group)
edit_group = action(actions.edit_group)
dismiss_group = action(actions.dismiss_group)
say_in_group = action(actions.say_in_group)


@control("GET")
def transfers(host: Host, data: Row) -> Row:
    """Every customer handed over or on the way."""
    with host.lock:
        return {"transfers": actions.transfers_shown(host.world)}


@control("GET")
def groups(host: Host, data: Row) -> Row:
    """Living groups with their people; of one member with `userid`."""
    with host.lock:
        return {"groups": actions.group_rows(host.world, str(data.get("userid", "")))}


@control("POST")
def behavior(host: Host, data: Row) -> Row:
    """Figures of a member's day beside what is counted: {userid, day, chat_cnt, …}."""
    return actions.tell_behavior(host, data)


@control("POST")
def say(host: Host, data: Row) -> Row:
    """A person types in a chat: {userid, external_userid, from: customer|guide, text}."""
    return actions.chat_message(host, data, via="typed")


@control("GET")
def sends(host: Host, data: Row) -> Any:
    with host.lock:
        return {"sends": actions.sends_of(host.world, data.get("userid") or None)}


_browsers: dict[str, requests.Session] = {}


@control("POST")
def tap_link(host: Host, data: Row) -> Row:
    """Open a link as the customer's browser does: through our OAuth, with its own cookies."""
    with host.lock:
        ident = actions.require_customer(host.world, data.get("external_userid"))["external_userid"]
    url = str(data.get("url", ""))
    if urlparse(url).scheme not in ("http", "https"):
        raise ActionError("The link needs http or https.")
    browser = _browsers.setdefault(ident, requests.Session())
    browser.max_redirects = MOST_HOPS
    browser.headers["User-Agent"] = PHONE_BROWSER
    browser.headers["Accept-Language"] = "zh-CN,zh;q=0.9"
    own = urlparse(host.own_url).hostname or "127.0.0.1"
    browser.cookies.set("sim_as", f"customer:{ident}", domain=own, path="/")
    browser.cookies.set("sim_corp", host.world.corp["corp_id"], domain=own, path="/")
    try:
        answer = browser.get(url, timeout=15)
    except requests.RequestException as error:
        raise ActionError(f"The link did not open: {type(error).__name__}.") from error
    hops = [{"url": hop.url, "status": hop.status_code} for hop in answer.history]
    return {"final_url": answer.url, "status": answer.status_code, "hops": hops}


def forget_browsers() -> None:
    """Cookies of customers' browsers go with the people."""
    _browsers.clear()


@control("GET")
def guide_phone(host: Host, data: Row, userid: str) -> Row:
    with host.lock:
        return actions.guide_phone(host.world, userid)


@control("GET")
def customer_phone(host: Host, data: Row, external_userid: str) -> Row:
    with host.lock:
        return actions.customer_phone(host.world, external_userid)


@control("GET")
def guides(host: Host, data: Row) -> Row:
    query = str(data.get("q", ""))
    with host.lock:
        users = [u for u in host.world.users.values() if query in u["name"] or query in u["userid"]]
        return {"guides": users[: int(data.get("limit", 1000))]}


@control("GET")
def customers(host: Host, data: Row) -> Row:
    query = str(data.get("q", ""))
    with host.lock:
        world = host.world
        rows = [
            {**row, "follows": list(world.follows.get(ident, {}).values())}
            for ident, row in world.customers.items()
            if query in row["name"] or query in ident
        ]
        return {"customers": rows[: int(data.get("limit", 100))], "total": len(rows)}


@control("GET", "POST")
def sms(host: Host, data: Row) -> Row:
    """An operator's gateway: takes {phone, text, key}, once per key; GET lists what phones got."""
    with host.transaction() as world:
        if data.get("text"):
            host.commit(
                "sms", key=str(data["key"]), phone=str(data["phone"]), text=str(data["text"])
            )
            return {"id": str(data["key"])}
        return {"sms": actions.sms_of(world, str(data.get("phone", "")))}


@control("POST")
def jssdk_verify(host: Host, data: Row) -> Row:
    return jssdk.verify(host, data)


@control("POST")
def jssdk_send(host: Host, data: Row) -> Row:
    """The sidebar puts a message into the chat, or into the group."""
    message = jssdk.as_chat_message(data)
    if data.get("chat_id"):
        group = {
            **message,
            "chat_id": data["chat_id"],
            "from": data.get("userid"),
            "via": "sidebar",
        }
        return actions.say_in_group(host, group)
    return actions.chat_message(host, message, via="sidebar")


@control("POST")
def jssdk_call(host: Host, data: Row) -> Row:
    """What the phone's half of the script asks for its owner: {userid, name, params}."""
    params = data.get("params") or {}
    return js_calls.perform(host, str(data.get("userid")), str(data.get("name")), params)


@control("POST")
def jssdk_offered(host: Host, data: Row) -> Row:
    """The list a member picks from: customers with {userid, filterType?}; colleagues with {userid,
    members: {what the page asked with}}."""
    with host.lock:
        userid = actions.require_user(host.world, data.get("userid"))["userid"]
        if "members" in data:
            return {"members": js_members.offered(host, userid, data["members"])}
        found = js_calls.offered(host, userid, data.get("filterType", js_calls.EVERYBODY))
        names = host.world.customers
        rows = [{"external_userid": ident, "name": names[ident]["name"]} for ident in found]
    return {"customers": rows}


@control("POST")
def jssdk_choose(host: Host, data: Row) -> Row:
    """Whom a member picks when a page asks next: {userid, external_userids}; none: nobody."""
    with host.lock:
        userid = actions.require_user(host.world, data.get("userid"))["userid"]
        host.choices[userid] = [str(item) for item in data.get("external_userids") or []]
        return {"userid": userid, "external_userids": host.choices[userid]}
