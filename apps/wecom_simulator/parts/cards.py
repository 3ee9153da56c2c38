"""Cards after they were sent: who pressed what, and which codes may still change them."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class Cards:
    """A response code: msgid, at, used. One comes with the card, one with every press."""

    response_codes: dict[str, Row] = field(default_factory=dict)

    def on_response_code(self, at: float, code: str, msgid: str) -> None:
        self.response_codes[code] = {"msgid": msgid, "at": at, "used": False}

    def on_card_clicked(
        self, at: float, msgid: str, userid: str, key: str, chosen: Row | None = None
    ) -> None:
        """What was pressed, and what was chosen before; another card has its own answer."""
        world: Any = self
        notice = world.notices[msgid]
        change = notice.get("changes", {}).get(userid) or {}
        if "card" in change:
            change["answer"] = key
        else:
            notice.setdefault("clicks", {})[userid] = key
        notice.setdefault("choices", {})[userid] = chosen or {}

    def on_card_updated(
        self, at: float, code: str, msgid: str, userids: list[str], change: Row
    ) -> None:
        """A button's new words stand on the card that lies there, also on one put in its place."""
        world: Any = self
        self.response_codes[code]["used"] = True
        changes = world.notices[msgid].setdefault("changes", {})
        for userid in userids:
            kept = {} if "card" in change else changes.get(userid, {})
            changes[userid] = {**kept, **change}
