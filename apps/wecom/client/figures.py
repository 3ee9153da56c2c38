"""What WeCom counts about its members."""

from datetime import UTC, date, datetime

from apps.core import clock
from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import Refused
from apps.wecom.shapes import MemberDay

FIGURES_MOST_DAYS = 30


class Figures(Transport):
    def days_of_member(self, *, userid: str, first: date, last: date) -> list[MemberDay]:
        """What WeCom counted about one member, day by day, `last` in. A day that WeCom has not
        counted yet is missing. Several members in one call would be added up, so we ask for one.
        """
        if not 0 <= (last - first).days < FIGURES_MOST_DAYS:
            raise Refused("get_user_behavior_data: 1 to 30 days", errcode=40058)
        body: Json = {
            "userid": [userid],
            "start_time": int(clock.day_start(first).timestamp()),
            "end_time": int(clock.day_start(last).timestamp()),
        }
        path = "externalcontact/get_user_behavior_data"
        answer = self._call(path, data=body, effect=False)
        return [_member_day(row) for row in answer.get("behavior_data") or ()]


def _member_day(row: Json) -> MemberDay:
    percent, minutes = row.get("reply_percentage"), row.get("avg_reply_time")
    return MemberDay(
        on=clock.business_day(datetime.fromtimestamp(int(row["stat_time"]), tz=UTC)),
        friend_requests=int(row.get("new_apply_cnt") or 0),
        new_friends=int(row.get("new_contact_cnt") or 0),
        chats=int(row.get("chat_cnt") or 0),
        messages=int(row.get("message_cnt") or 0),
        reply_percent=None if percent is None else float(percent),
        first_reply_minutes=None if minutes is None else int(minutes),
        negative=int(row.get("negative_feedback_cnt") or 0),
    )
