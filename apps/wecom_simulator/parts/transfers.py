"""Customers handed from one member to another, and members who left the company."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
DONE, WAITING, REFUSED, OVER_LIMIT = 1, 2, 3, 4


@dataclass
class Transfers:
    """A transfer: id, kind (`onjob`, `resigned`), handover, takeover, external_userid, asked_at,
    due_at (24 h later), status (1 done, 2 waiting, 3 refused, 4 takeover full), takeover_time."""

    transfers: dict[str, Row] = field(default_factory=dict)
    group_transfers: list[Row] = field(default_factory=list)  # chat_id, from, to, at, kind
    left_users: dict[str, float] = field(default_factory=dict)  # userid -> when they left

    def waiting_transfers(self, *, due_before: float | None = None) -> list[Row]:
        return [
            row
            for row in self.transfers.values()
            if row["status"] == WAITING and (due_before is None or row["due_at"] <= due_before)
        ]

    def transfers_of(self, external_userid: str) -> list[Row]:
        return [r for r in self.transfers.values() if r["external_userid"] == external_userid]

    def transfers_between(self, handover: str, takeover: str, kind: str) -> list[Row]:
        """The newest attempt for each customer of this pair."""
        wanted = (handover, takeover, kind)
        newest = {
            row["external_userid"]: row
            for row in self.transfers.values()
            if (row["handover"], row["takeover"], row["kind"]) == wanted
        }
        return list(newest.values())

    def on_transfer(self, at: float, transfer: Row) -> None:
        self.transfers[transfer["id"]] = transfer

    def on_transfer_ended(self, at: float, transfer_id: str, status: int) -> None:
        """Only the record; what becomes of the friendships is committed beside it."""
        row = self.transfers[transfer_id]
        row.update(status=status, takeover_time=int(at) if status == DONE else 0)

    def on_group_transferred(self, at: float, transfer: Row) -> None:
        self.group_transfers.append({"at": at, **transfer})

    def on_user_left(self, at: float, userid: str) -> None:
        """The account is gone; customers and groups wait to be inherited."""
        self.left_users[userid] = at
