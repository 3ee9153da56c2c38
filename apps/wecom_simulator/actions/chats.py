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
    """A member presses a button of an interactive card: {userid, msgid, key, selected:
    {question_key: [option ids]}}. What was not touched keeps what the card had chosen."""
    with host.transaction() as world:
        userid = require_user(world, data.get("userid"))["userid"]
        notice = world.notices.get(str(data.get("msgid")))
        if notice is None or userid not in notice["userids"]:
            raise ActionError("This member has no such card.")
        card = card_of(notice, userid)
        keys = [button["key"] for button in card.get("buttons") or []]
        if not data.get("key") or data["key"] not in keys:
            raise ActionError("The card has no such button.")
        if card["answered"]:
            raise ActionError("This card was answered already.")
        questions = card.get("questions") or []
        chosen = {row["key"]: _chosen(row, data.get("selected") or {}) for row in questions}
        code = new_id("RC_", 12)
        host.commit("card_clicked", msgid=notice["msgid"], userid=userid, key=data["key"],
                    chosen=chosen)  # fmt: skip
        host.commit("response_code", code=code, msgid=notice["msgid"])
        fields = {
            "FromUserName": userid, "Event": "template_card_event", "EventKey": data["key"],
            "TaskId": notice["task_id"], "CardType": card["card_type"],
            "ResponseCode": code, "AgentID": int(notice["app"]),
        }  # fmt: skip
        if chosen:
            fields["SelectedItems"] = {"SelectedItem": [
                {"QuestionKey": key, "OptionIds": {"OptionId": idents}}
                for key, idents in chosen.items()
            ]}  # fmt: skip
        return {"event": host.queue_event(fields)}


def card_of(notice: Row, userid: str) -> Row:
    """The card as it lies on this member's phone: the one sent, or what was put in its place."""
    change = notice.get("changes", {}).get(userid) or {}
    answer = notice.get("clicks", {}).get(userid)
    if "card" in change:  # another card may be answered again
        answer = change.get("answer")
    closed = bool(change.get("closed")) or ("button" in change and bool(change["button"]))
    return {
        **notice, **change.get("card", {}), "clicked": answer, "replaced": change.get("button", ""),
        "answered": closed or answer is not None,
        "chosen": notice.get("choices", {}).get(userid, {}) if answer is not None else {},
    }  # fmt: skip


def _chosen(question: Row, selected: Row) -> list[str]:
    """The options of one question; a phone would not let through what does not fit."""
    given = selected.get(question["key"], question["chosen"])
    idents = [str(one) for one in (given if isinstance(given, list) else [given])]
    known = [option["id"] for option in question["options"]]
    if not idents:
        raise ActionError(f"Choose an answer to {question['key']!r}.")
    if set(idents) - set(known) or len(set(idents)) != len(idents):
        raise ActionError(f"No such answer to {question['key']!r}.")
    if question["mode"] == "one" and len(idents) > 1:
        raise ActionError(f"One answer to {question['key']!r}, not {len(idents)}.")
    return [ident for ident in known if ident in idents]
