"""获客助手: links that lead to a member, who came by them, and the quota they use up."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
QUOTA = 1000


def _quota() -> Row:
    return {"total": QUOTA, "balance": QUOTA, "quota_list": []}


@dataclass
class Acquisition:
    """A link: link_id, link_name, url, create_time, skip_verify, range, priority_option, app,
    clicks (times), customers (external_userid, userid, chat_status, state, at)."""

    links: dict[str, Row] = field(default_factory=dict)
    quota: Row = field(default_factory=_quota)
    chat_keys: dict[str, Row] = field(default_factory=dict)

    def on_link(self, at: float, link: Row) -> None:
        self.links[link["link_id"]] = link

    def on_link_deleted(self, at: float, link_id: str) -> None:
        self.links.pop(link_id, None)

    def on_link_clicked(self, at: float, link_id: str) -> None:
        self.links[link_id]["clicks"].append(at)

    def on_link_customer(self, at: float, link_id: str, customer: Row) -> None:
        self.links[link_id]["customers"].append({"at": at, "chat_status": 0, **customer})
        self.quota["balance"] = max(0, self.quota["balance"] - 1)

    def on_link_chat(self, at: float, link_id: str, external_userid: str) -> None:
        for row in self.links[link_id]["customers"]:
            if row["external_userid"] == external_userid:
                row["chat_status"] = 1

    def on_quota(self, at: float, quota: Row) -> None:
        self.quota = quota
