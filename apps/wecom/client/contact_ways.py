"""联系我: codes by which a customer adds a member."""

from collections.abc import Sequence
from datetime import datetime

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import NoAnswer
from apps.wecom.shapes import ContactWay, ContactWayDetail

NO_CONTACT_WAY = 41044


class ContactWays(Transport):
    def add_contact_way(self, *, userid: str, state: str) -> ContactWay:
        """A code by which a customer adds this member; `state` (30 characters) comes with them."""
        return self._add_way({"type": 1, "user": [userid], "state": state})

    def add_shared_way(self, *, userids: Sequence[str], state: str, remark: str = "") -> ContactWay:
        """A code shared by up to 100 members: WeCom leads each customer to one of them.

        `NoAnswer` means the code may exist: look for its `state` before another one is made.
        """
        body: Json = {"type": 2, "user": list(userids), "state": state}
        return self._add_way({**body, "remark": remark[:30]} if remark else body)

    def _add_way(self, fields: Json) -> ContactWay:
        body: Json = {"scene": 2, "skip_verify": True, **fields}
        answer = self._call("externalcontact/add_contact_way", data=body, effect=True)
        if not answer.get("config_id"):
            raise NoAnswer("add_contact_way: no config_id", outcome_unknown=True)
        return ContactWay(config_id=answer["config_id"], address=answer.get("qr_code") or "")

    def update_contact_way(self, *, config_id: str, userids: Sequence[str]) -> None:
        """Replace the members of a shared code. Repeating it is harmless."""
        data: Json = {"config_id": config_id, "user": list(userids)}
        self._call("externalcontact/update_contact_way", data=data, effect=False)

    def get_contact_way(self, config_id: str) -> ContactWayDetail:
        answer = self._call(
            "externalcontact/get_contact_way", data={"config_id": config_id}, effect=False
        )
        way = answer.get("contact_way") or {}
        return ContactWayDetail(
            config_id=way.get("config_id") or config_id,
            address=way.get("qr_code") or "",
            state=way.get("state") or "",
            userids=tuple(way.get("user") or ()),
        )

    def list_contact_ways(self, *, start: datetime, end: datetime) -> list[str]:
        """Ids of the codes made in this time: WeCom tells no more of them in a list."""
        body: Json = {
            "start_time": int(start.timestamp()),
            "end_time": int(end.timestamp()),
            "limit": 1000,
        }
        rows = self._pages("externalcontact/list_contact_way", body, "contact_way")
        return [row["config_id"] for row in rows]

    def delete_contact_way(self, *, config_id: str) -> None:
        """Take a code back. Repeating it is harmless."""
        self._call("externalcontact/del_contact_way", data={"config_id": config_id}, effect=False)
