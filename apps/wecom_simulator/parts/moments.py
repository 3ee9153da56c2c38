"""客户朋友圈: posts, who published them, and what customers said below."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class Moments:
    """A post: moment_id, jobid, create_time, text, attachments, tasks (member -> published at),
    invalid. Replies hang on the post of one member: kind (like, comment), by, userid, text."""

    moments: dict[str, Row] = field(default_factory=dict)
    moment_replies: dict[str, list[Row]] = field(default_factory=dict)  # moment_id -> replies

    def on_moment(self, at: float, moment: Row) -> None:
        self.moments[moment["moment_id"]] = moment

    def on_moment_published(self, at: float, moment_id: str, userid: str) -> None:
        self.moments[moment_id]["tasks"][userid] = at

    def on_moment_cancelled(self, at: float, moment_id: str) -> None:
        self.moments[moment_id]["cancelled_at"] = at

    def on_moment_reply(self, at: float, moment_id: str, reply: Row) -> None:
        self.moment_replies.setdefault(moment_id, []).append({"at": at, **reply})
