"""Chats, the figures counted from them, and cards with buttons."""

from datetime import datetime

from ..host import Host, new_id
from ..world import Row
from .base import ActionError, require_friends, require_user

BEHAVIOR = (
    "new_apply_cnt",
    "new_contact_cnt",
    "chat_cnt",
    "message_cnt",
    "negative_feedback_cnt",
    "reply_percentage",
    "avg_reply_time",
)


def chat_message(host: Host, data: Row, *, via: str) -> Row:
    """A message in the chat of a member and a customer, from either. The API never sees it."""
    with host.transaction() as world:
        userid, ident = require_friends(world, data)
        sender = ident if data.get("from") == "customer" else userid
        text, attachments = str(data.get("text") or ""), data.get("attachments") or []
        if not text and not attachments:
            raise ActionError("An empty message.")
        follow = world.follows[ident][userid]
        arrived = not follow["deleted_by_customer_at"]
        message = {
            "userid": userid, "from": sender, "text": text, "attachments": attachments,
            "msgid": "", "via": via, **({} if arrived else {"refused": True}),
        }  # fmt: skip
        host.commit("message", external_userid=ident, message=message)
        if sender == ident and arrived:
            _first_words(host, userid, ident)
        return {"arrived": arrived}


def _first_words(host: Host, userid: str, external_userid: str) -> None:
    """The first message of somebody who came by an acquisition link is told as an event."""
    for link in host.world.links.values():
        for row in link["customers"]:
            if (row["userid"], row["external_userid"]) != (userid, external_userid):
                continue
            if row["chat_status"]:
                return
            host.commit("link_chat", link_id=link["link_id"], external_userid=external_userid)
            host.queue_event({
                "Event": "customer_acquisition", "ChangeType": "customer_start_chat",
                "LinkId": link["link_id"], "UserID": userid, "ExternalUserID": external_userid,
            })  # fmt: skip
            return


def tell_behavior(host: Host, data: Row) -> Row:
    """Chats of a day that were not played here: counts are added, shares and times replace."""
    with host.transaction() as world:
        userid = require_user(world, data.get("userid"))["userid"]
        day = f"{datetime.fromisoformat(str(data['day'])):%Y-%m-%d}"
        figures = {name: data[name] for name in BEHAVIOR if name in data}
        if not all(isinstance(value, int | float) for value in figures.values()):
            raise ActionError("Figures are numbers.")
        host.commit("behavior", userid=userid, day=day, figures=figures)
        return {"userid": userid, "day": day, **figures}


def click_card(host: Host, data: Row) -> Row:
    """A member presses a button of an interactive card."""
    with host.transaction() as world:
        userid = require_user(world, data.get("userid"))["userid"]
        notice = world.notices.get(str(data.get("msgid")))
        if notice is None or userid not in notice["userids"]:
            raise ActionError("This member has no such card.")
        keys = [button["key"] for button in notice.get("buttons") or []]
        if data.get("key") not in keys:
            raise ActionError("The card has no such button.")
        if userid in notice.get("clicks", {}):
            raise ActionError("This card was answered already.")
        code = new_id("RC_", 12)
        host.commit("card_clicked", msgid=notice["msgid"], userid=userid, key=data["key"])
        host.commit("response_code", code=code, msgid=notice["msgid"])
        fields = {
            "FromUserName": userid, "Event": "template_card_event", "EventKey": data["key"],
            "TaskId": notice["task_id"], "CardType": notice["card_type"],
            "ResponseCode": code, "AgentID": int(notice["app"]),
        }  # fmt: skip
        return {"event": host.queue_event(fields)}
