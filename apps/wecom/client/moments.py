"""朋友圈: a post that members confirm on the phone, and who published it."""

from collections.abc import Sequence
from datetime import datetime

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import NoAnswer, Refused
from apps.wecom.shapes import MomentAnswers, MomentJob, MomentListing, MomentTask

MOMENT_MAX_TEXT = 2_000


class Moments(Transport):
    def create_moment(
        self, *, userids: Sequence[str], text: str, attachments: Sequence[Json] = ()
    ) -> str:
        """Have a post made that each of these members confirms on the phone; the job's id.

        Its pictures are those of `upload_attachment`. `NoAnswer` means the post may exist: look for
        it with `list_moments` first.
        """
        if not 1 <= len(text) <= MOMENT_MAX_TEXT:
            raise Refused("add_moment_task: 1 to 2,000 characters", errcode=40058)
        body: Json = {
            "text": {"content": text},
            "visible_range": {"sender_list": {"user_list": list(userids)}},
        }
        if attachments:
            body["attachments"] = list(attachments)
        answer = self._call("externalcontact/add_moment_task", data=body, effect=True)
        if not answer.get("jobid"):
            raise NoAnswer("add_moment_task: no jobid", outcome_unknown=True)
        return str(answer["jobid"])

    def moment_job(self, jobid: str) -> MomentJob:
        """What became of the making of a post."""
        answer = self._call(
            "externalcontact/get_moment_task_result", params={"jobid": jobid}, effect=False
        )
        result = answer.get("result") or {}
        over = int(answer.get("status") or 0) == 3
        return MomentJob(
            moment_id=(result.get("moment_id") or "") if over else "",
            refused=int(result.get("errcode") or 0) if over else 0,
        )

    def cancel_moment(self, *, moment_id: str) -> None:
        """Whoever has not published it cannot any more. Repeating it is harmless."""
        body: Json = {"moment_id": moment_id}
        self._call("externalcontact/cancel_moment_task", data=body, effect=False)

    def moment_answers(self, *, moment_id: str, userid: str) -> MomentAnswers:
        """Likes and comments of customers under this member's post; their own are not counted."""
        answer = self._call(
            "externalcontact/get_moment_comments",
            data={"moment_id": moment_id, "userid": userid},
            effect=False,
        )

        def of_customers(name: str) -> int:
            return sum(1 for row in answer.get(name) or () if row.get("external_userid"))

        return MomentAnswers(likes=of_customers("like_list"), comments=of_customers("comment_list"))

    def moment_viewers(self, *, moment_id: str, userid: str) -> int:
        """How many customers this member's post is shown to."""
        body: Json = {"moment_id": moment_id, "userid": userid, "limit": 5000}
        return sum(
            1
            for _row in self._pages("externalcontact/get_moment_send_result", body, "customer_list")
        )

    def list_moment_tasks(self, moment_id: str) -> list[MomentTask]:
        """Per member: has the post been published?"""
        body: Json = {"moment_id": moment_id, "limit": 1000}
        return [
            MomentTask(userid=row["userid"], published=int(row.get("publish_status") or 0) == 1)
            for row in self._pages("externalcontact/get_moment_task", body, "task_list")
        ]

    def list_moments(self, *, start: datetime, end: datetime) -> list[MomentListing]:
        """Posts the corp made in [start, end]."""
        body: Json = {
            "start_time": int(start.timestamp()),
            "end_time": int(end.timestamp()),
            "filter_type": 0,
            "limit": 20,
        }
        return [
            MomentListing(
                moment_id=row["moment_id"], text=(row.get("text") or {}).get("content") or ""
            )
            for row in self._pages("externalcontact/get_moment_list", body, "moment_list")
        ]
