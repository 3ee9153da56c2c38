"""What a page asks of the client beyond the chat in front of it: profiles, shares, choices.

Each takes the host, the member and the call's parameters, and says which page of the phone opens
(`url`) and what the promise of the page is fulfilled with (`result`). Rights and signatures are the
script's business, and looked at before.
"""

from collections.abc import Callable

from . import actions, js_members
from .actions import ActionError
from .host import Host
from .world import Row

MOST_CUSTOMERS, MOST_GROUPS = 20_000, 2_000
MEMBER, EXTERNAL = 1, 2
EVERYBODY, NOT_CHOSEN_YET = 0, 1
NO_PERMISSION = "no permission"

JsCall = Callable[[Host, str, Row], Row]


def several(value: object) -> list[str]:
    """Ids as a list, or in one text with semicolons, as older pages write them."""
    items = value if isinstance(value, list) else str(value or "").split(";")
    return [str(item) for item in items if str(item)]


def _phone(userid: str, path: str = "") -> str:
    return f"/phone/guide/{userid}/{path}"


def open_enterprise_chat(host: Host, userid: str, params: Row) -> Row:
    """A chat with one friend, or with a group the member is in. No text goes with it."""
    if params.get("chatId"):
        _group_of(host, userid, params["chatId"])
        url = _phone(userid, f"groups/{params['chatId']}/")
        return {"url": url, "result": {"chatId": params["chatId"]}}
    ident = next(iter(several(params.get("externalUserIds"))), "")
    if userid not in host.world.follows.get(ident, {}):
        raise ActionError("not a friend")
    return {"url": _phone(userid, f"chat/{ident}/"), "result": {"chatId": ident}}


def open_existed_chat_with_msg(host: Host, userid: str, params: Row) -> Row:
    """Puts a link into a group the member is in already and goes there."""
    chat_id, message = str(params.get("chatId") or ""), params.get("msg") or {}
    _group_of(host, userid, chat_id)
    link = message.get("link") if isinstance(message, dict) else None
    if message.get("msgtype") != "link" or not (isinstance(link, dict) and link.get("url")):
        raise ActionError("invalid msg")
    shown = {"title": link.get("title", ""), "desc": link.get("desc", ""), "url": link["url"]}
    actions.say_in_group(host, {
        "chat_id": chat_id, "from": userid, "via": "page",
        "attachments": [{"msgtype": "link", "link": shown}],
    })  # fmt: skip
    return {"url": _phone(userid, f"groups/{chat_id}/")}


def _group_of(host: Host, userid: str, chat_id: object) -> Row:
    group = host.world.groups.get(str(chat_id))
    if group is None or group["dismissed_at"] or userid not in group["members"]:
        raise ActionError("invalid chatId")
    return group


def open_user_profile(host: Host, userid: str, params: Row) -> Row:
    """`type` 1: a member of the corp; 2: a customer."""
    kind, ident, world = params.get("type"), str(params.get("userid") or ""), host.world
    if kind == MEMBER and ident in world.users and ident not in world.left_users:
        return {"url": _phone(userid, f"colleagues/{ident}/")}
    if kind == EXTERNAL and ident in world.contacts_of(userid):
        return {"url": _phone(userid, f"chat/{ident}/profile/")}
    if kind == EXTERNAL and ident in world.customers:
        raise ActionError(NO_PERMISSION)  # somebody else's customer
    raise ActionError("invalid userid" if kind in (MEMBER, EXTERNAL) else "invalid type")


def navigate_to_add_customer(host: Host, userid: str, params: Row) -> Row:
    return {"url": _phone(userid, "add/")}


def select_external_contact(host: Host, userid: str, params: Row) -> Row:
    """The member picks friends: here those of the next order of `/sim/jssdk/choose`. In a chat the
    phone draws the list itself and answers with `picked`."""
    kind = params.get("filterType", EVERYBODY)
    if kind not in (EVERYBODY, NOT_CHOSEN_YET):
        raise ActionError("invalid filterType")
    chosen = params.get("picked") or host.choices.pop(userid, [])
    if not chosen:
        raise ActionError("cancel")
    return {"result": {"userIds": _choose(host, userid, chosen, kind)}}


def offered(host: Host, userid: str, kind: object) -> list[str]:
    """Friends on the list the member picks from."""
    before = host.chosen.get(userid, set()) if kind == NOT_CHOSEN_YET else set()
    return [ident for ident in host.world.contacts_of(userid) if ident not in before]


def _choose(host: Host, userid: str, wanted: list[str], kind: object) -> list[str]:
    there = set(offered(host, userid, kind))
    chosen = [ident for ident in wanted if ident in there]
    if not chosen:
        raise ActionError("cancel")
    host.chosen.setdefault(userid, set()).update(chosen)
    return chosen


def _content(params: Row) -> Row:
    """Text and attachments of a share; one of them there must be."""
    text, extras = params.get("text") or {}, params.get("attachments") or []
    if not isinstance(text, dict) or not isinstance(extras, list) or not (text or extras):
        raise ActionError("nothing to share")
    if any(not isinstance(item, dict) or not item.get("msgtype") for item in extras):
        raise ActionError("invalid attachments")
    return {"text": text, "attachments": extras}


def share_to_external_contact(host: Host, userid: str, params: Row) -> Row:
    """Into 群发助手: nothing goes out before the member sends it there."""
    wanted = several(params.get("externalUserIds"))
    if len(wanted) > MOST_CUSTOMERS:
        raise ActionError(f"more than {MOST_CUSTOMERS} customers")
    wanted = wanted or list(host.world.contacts_of(userid))
    actions.create_personal_send(host, userid, {"externalUserIds": wanted, **_content(params)})
    return {"url": _phone(userid, "sends/")}


def share_to_external_chat(host: Host, userid: str, params: Row) -> Row:
    """The same, to groups the member owns."""
    wanted = several(params.get("chatIds"))
    if len(wanted) > MOST_GROUPS:
        raise ActionError(f"more than {MOST_GROUPS} groups")
    wanted = wanted or [group["chat_id"] for group in host.world.groups_of(userid)]
    actions.create_personal_send(host, userid, {"chatIds": wanted, **_content(params)})
    return {"url": _phone(userid, "sends/")}


def share_to_external_moments(host: Host, userid: str, params: Row) -> Row:
    """A post of the member's own, to be published with a tap."""
    actions.create_personal_moment(host, userid, _content(params))
    return {"url": _phone(userid, "moments/")}


def select_external_chat(host: Host, userid: str, params: Row) -> Row:
    """Picking one of one's customers' groups is for the apps of service providers."""
    raise ActionError("no permission: not for self-built apps")


def get_share_info(host: Host, userid: str, params: Row) -> Row:
    """Where a page was forwarded to. No page here is opened out of a forwarded card, so there is no
    ticket that could be good."""
    if not params.get("shareTicket"):
        raise ActionError("shareTicket missing")
    raise ActionError("invalid shareTicket")


CALLS: dict[str, JsCall] = {
    "getShareInfo": get_share_info,
    "navigateToAddCustomer": navigate_to_add_customer,
    "openEnterpriseChat": open_enterprise_chat,
    "openExistedChatWithMsg": open_existed_chat_with_msg,
    "openUserProfile": open_user_profile,
    "selectExternalChat": select_external_chat,
    "selectExternalContact": select_external_contact,
    "selectPrivilegedContact": js_members.select,
    "shareToExternalChat": share_to_external_chat,
    "shareToExternalContact": share_to_external_contact,
    "shareToExternalMoments": share_to_external_moments,
}


def perform(host: Host, userid: str, name: str, params: Row) -> Row:
    """Do it for the member who holds the phone; a refusal carries the reason the page reads."""
    call = CALLS.get(name)
    if call is None:
        raise ActionError("not supported by the simulator")
    if userid not in host.world.users or userid in host.world.left_users:
        raise ActionError(NO_PERMISSION)
    with host.transaction():
        return {"ok": True, **call(host, userid, params)}
