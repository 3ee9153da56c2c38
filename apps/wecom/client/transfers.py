"""继承: customers of who has left (离职) or changes places (在职), given to a successor."""

from collections.abc import Iterator, Sequence

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json, moment
from apps.wecom.errors import NoAnswer, Refused
from apps.wecom.shapes import TransferResult, TransferStart, Unassigned

TRANSFER_MAX_CUSTOMERS = 100
TRANSFER_MAX_WORDS = 200
TRANSFER_MAX_GROUPS = 100
_UNASSIGNED_PAGE = 1_000


class Transfers(Transport):
    def transfer_customers(
        self,
        *,
        handover: str,
        takeover: str,
        external_userids: Sequence[str],
        left: bool,
        words: str = "",
    ) -> list[TransferStart]:
        """Begin to hand customers over; each one's own errcode. It happens by itself after 24 h.

        `left` says that the giving member has left the company; `words` greet the customers of one
        who has not. `NoAnswer` means it may have begun: `transfer_results` tells.
        """
        if not 1 <= len(external_userids) <= TRANSFER_MAX_CUSTOMERS:
            raise Refused("transfer_customer: 1 to 100 customers", errcode=40058)
        body: Json = {
            "handover_userid": handover,
            "takeover_userid": takeover,
            "external_userid": list(external_userids),
        }
        if words and not left:
            body["transfer_success_msg"] = words[:TRANSFER_MAX_WORDS]
        answer = self._call(f"{_base(left)}transfer_customer", data=body, effect=True)
        rows = answer.get("customer")
        if not isinstance(rows, list):
            raise NoAnswer("transfer_customer: no list", outcome_unknown=True)
        return [
            TransferStart(row.get("external_userid") or "", int(row.get("errcode") or 0))
            for row in rows
        ]

    def transfer_results(self, *, handover: str, takeover: str, left: bool) -> list[TransferResult]:
        """What became of everything these two have between them, in WeCom's order."""
        body: Json = {"handover_userid": handover, "takeover_userid": takeover}
        return [
            TransferResult(
                external_userid=row.get("external_userid") or "",
                status=int(row.get("status") or 0),
                takeover_at=moment(row.get("takeover_time")),
            )
            for row in self._pages(f"{_base(left)}transfer_result", body, "customer")
        ]

    def unassigned(self) -> Iterator[Unassigned]:
        """Every customer of somebody who left whom nobody has taken over or is about to."""
        body: Json = {"page_size": _UNASSIGNED_PAGE}
        for row in self._pages("externalcontact/get_unassigned_list", body, "info"):
            yield Unassigned(
                userid=row.get("handover_userid") or "",
                external_userid=row.get("external_userid") or "",
                left_at=moment(row.get("dimission_time")),
            )

    def transfer_groups(
        self, *, chat_ids: Sequence[str], new_owner: str, left: bool
    ) -> dict[str, int]:
        """Give groups another owner; {chat: errcode} of those WeCom refuses. `left` says that the
        owner has left the company.

        `NoAnswer` means it may have happened: `get_group` tells whose each group is.
        """
        if not 1 <= len(chat_ids) <= TRANSFER_MAX_GROUPS:
            raise Refused("groupchat/transfer: 1 to 100 groups", errcode=40058)
        name = "transfer" if left else "onjob_transfer"
        body: Json = {"chat_id_list": list(chat_ids), "new_owner": new_owner}
        answer = self._call(f"externalcontact/groupchat/{name}", data=body, effect=True)
        failed = answer.get("failed_chat_list") or []
        return {str(row.get("chat_id") or ""): int(row.get("errcode") or 0) for row in failed}


def _base(left: bool) -> str:
    return "externalcontact/resigned/" if left else "externalcontact/"
