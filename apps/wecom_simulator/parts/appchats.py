"""Group chats of members that an app made and writes into."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class AppChats:
    """A chat: chatid, name, owner, userlist, app (whose it is), messages."""

    appchats: dict[str, Row] = field(default_factory=dict)

    def appchats_of(self, userid: str) -> list[Row]:
        return [row for row in self.appchats.values() if userid in row["userlist"]]

    def on_appchat(self, at: float, chat: Row) -> None:
        self.appchats[chat["chatid"]] = {"messages": [], **chat}

    def on_appchat_edited(self, at: float, chatid: str, fields: Row) -> None:
        self.appchats[chatid].update(fields)

    def on_appchat_message(self, at: float, chatid: str, message: Row) -> None:
        self.appchats[chatid]["messages"].append({"at": at, **message})
