"""群发 to customers: a task that a member confirms on the phone, and what became of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json, moment
from apps.wecom.errors import NoAnswer, Refused
from apps.wecom.shapes import MassSend, MassSendListing, SendResult, SendStatus, SendTask

MASS_SEND_MAX_CUSTOMERS = 10_000
MASS_SEND_MAX_TEXT_BYTES = 4_000
LISTING_WINDOW = timedelta(days=30)  # one listing call may span a month at most


class SendTasks(Transport):
    """What sends to customers and sends to groups have in common."""

    def _make_task(self, body: Json, *, text: str, attachments: Sequence[Json]) -> MassSend:
        if len(text.encode()) > MASS_SEND_MAX_TEXT_BYTES:
            raise Refused("add_msg_template: text over 4,000 bytes", errcode=45002)
        body["text"] = {"content": text}
        if attachments:
            body["attachments"] = list(attachments)
        answer = self._call("externalcontact/add_msg_template", data=body, effect=True)
        if not answer.get("msgid"):
            raise NoAnswer("add_msg_template: no msgid", outcome_unknown=True)
        return MassSend(msgid=answer["msgid"], failed=tuple(answer.get("fail_list") or ()))


class MassSends(SendTasks):
    def create_mass_send(
        self,
        *,
        sender: str,
        external_userids: Sequence[str],
        text: str,
        attachments: Sequence[Json] = (),
    ) -> MassSend:
        """Make the task that `sender` must confirm on the phone. Nothing goes out before that.

        `failed` names customers WeCom left out at once. `NoAnswer` means the task may exist: look
        it up with `list_mass_sends` before anything is made again.
        """
        if not 1 <= len(external_userids) <= MASS_SEND_MAX_CUSTOMERS:
            raise Refused("add_msg_template: 1 to 10,000 customers", errcode=40058)
        body: Json = {
            "chat_type": "single",
            "external_userid": list(external_userids),
            "sender": sender,
        }
        return self._make_task(body, text=text, attachments=attachments)

    def list_mass_sends(
        self, *, start: datetime, end: datetime, creator: str | None = None, filter_type: int = 2
    ) -> list[MassSendListing]:
        """Every mass send created in [start, end], in as many calls as the month limit asks for."""
        found: dict[str, MassSendListing] = {}
        while start < end:
            until = min(start + LISTING_WINDOW, end)
            body: Json = {
                "chat_type": "single",
                "start_time": int(start.timestamp()),
                "end_time": int(until.timestamp()),
                "filter_type": int(filter_type),
                "limit": 100,
            }
            if creator:
                body["creator"] = creator
            for row in self._pages("externalcontact/get_groupmsg_list_v2", body, "group_msg_list"):
                found[row["msgid"]] = MassSendListing(
                    msgid=row["msgid"],
                    creator=row.get("creator") or "",
                    created_at=datetime.fromtimestamp(int(row["create_time"]), tz=UTC),
                    text=(row.get("text") or {}).get("content") or "",
                )
            start = until
        return list(found.values())

    def list_send_tasks(self, *, msgid: str) -> list[SendTask]:
        """Per member: has the mass send been confirmed?"""
        return [
            SendTask(
                userid=row["userid"],
                sent=row.get("status") == 2,
                sent_at=moment(row.get("send_time")),
            )
            for row in self._pages(
                "externalcontact/get_groupmsg_task", {"msgid": msgid, "limit": 1000}, "task_list"
            )
        ]

    def list_send_results(self, *, msgid: str, userid: str) -> list[SendResult]:
        """Per customer of one member: what became of the mass send."""
        return [
            SendResult(
                external_userid=row.get("external_userid") or "",
                userid=row.get("userid") or userid,
                status=SendStatus(int(row["status"])),
                sent_at=moment(row.get("send_time")),
            )
            for row in self._pages(
                "externalcontact/get_groupmsg_send_result",
                {"msgid": msgid, "userid": userid, "limit": 1000},
                "send_list",
            )
        ]

    def remind_mass_send(self, *, msgid: str) -> None:
        """Nudge the members who have not confirmed; three times a day at most."""
        self._call("externalcontact/remind_groupmsg_send", data={"msgid": msgid}, effect=True)

    def cancel_mass_send(self, *, msgid: str) -> None:
        """Stop what has not been confirmed yet. Repeating it is harmless."""
        self._call("externalcontact/cancel_groupmsg_send", data={"msgid": msgid}, effect=False)
