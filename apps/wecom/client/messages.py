"""What the app says to members, and the first words to a new customer."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import Refused
from apps.wecom.shapes import ButtonCard, NoticeResult, TextCard

NOTICE_MAX_USERS = 1_000
# a field of the card, or an app that nobody could tell of a press
CARD_REFUSED = frozenset({*range(42014, 42052), 43012})
CODE_USED_UP = 60140


class Messages(Transport):
    def send_notice(
        self, *, userids: Sequence[str], card: TextCard, repeat_guard_s: int = 1800
    ) -> NoticeResult:
        """A card from the app to members. The same card within `repeat_guard_s` is shown once."""
        block = {
            "title": card.title,
            "description": card.description,
            "url": card.url,
            "btntxt": card.button,
        }
        return self._send_card(userids, "textcard", block, repeat_guard_s)

    def send_button_card(
        self, *, userids: Sequence[str], card: ButtonCard, repeat_guard_s: int = 1800
    ) -> NoticeResult:
        """A card with a button. `Refused` with one of CARD_REFUSED when this app may not send it,
        which goes for every app without a callback address."""
        block: Json = {
            "card_type": "button_interaction",
            "main_title": {"title": card.title, "desc": card.description},
            "task_id": card.task_id,
            "card_action": {"type": 1, "url": card.url},
            "button_list": [{"type": 0, "text": card.button, "style": 1, "key": card.key}],
        }
        return self._send_card(userids, "template_card", block, repeat_guard_s)

    def say_on_button(self, *, userids: Sequence[str], response_code: str, words: str) -> None:
        """The button of a card becomes these words, for these members. A code works once, within
        72 hours: `Refused` with CODE_USED_UP afterwards."""
        body: Json = {
            "userids": list(userids),
            "agentid": self.agent_id,
            "response_code": response_code,
            "button": {"replace_name": words},
        }
        self._call("message/update_template_card", data=body, effect=True)

    def _send_card(
        self, userids: Sequence[str], kind: str, block: Json, repeat_guard_s: int
    ) -> NoticeResult:
        if not 1 <= len(userids) <= NOTICE_MAX_USERS:
            raise Refused("message/send: 1 to 1,000 members", errcode=40032)
        body: Json = {
            "touser": "|".join(userids),
            "msgtype": kind,
            "agentid": self.agent_id,
            kind: block,
        }
        if repeat_guard_s:
            body["enable_duplicate_check"] = 1
            body["duplicate_check_interval"] = repeat_guard_s
        answer = self._call("message/send", data=body, effect=True)
        bad = {userid for userid in (answer.get("invaliduser") or "").lower().split("|") if userid}
        return NoticeResult(
            msgid=answer.get("msgid") or "",
            # WeCom answers in lower case; give the ids back as they were spelt
            invalid=tuple(userid for userid in userids if userid.lower() in bad),
        )

    def send_welcome(
        self, *, code: str, text: str = "", attachments: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """The welcome for a code that came with an add event: within 20 s, once for each code.

        `Refused` with 41050 when the code is over, 41051 when WeCom has delivered one already,
        41096 (retryable) while another app's is on its way.
        """
        body: Json = {"welcome_code": code}
        if text:
            body["text"] = {"content": text}
        if attachments:
            body["attachments"] = [dict(attachment) for attachment in attachments]
        self._call("externalcontact/send_welcome_msg", data=body, effect=True)
