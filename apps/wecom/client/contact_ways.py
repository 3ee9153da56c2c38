"""联系我: codes by which a customer adds a member."""

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import NoAnswer
from apps.wecom.shapes import ContactWay


class ContactWays(Transport):
    def add_contact_way(self, *, userid: str, state: str) -> ContactWay:
        """A code by which a customer adds this member; `state` (30 characters) comes with them."""
        body: Json = {"type": 1, "scene": 2, "user": [userid], "state": state, "skip_verify": True}
        answer = self._call("externalcontact/add_contact_way", data=body, effect=True)
        if not answer.get("config_id"):
            raise NoAnswer("add_contact_way: no config_id", outcome_unknown=True)
        return ContactWay(config_id=answer["config_id"], address=answer.get("qr_code") or "")

    def delete_contact_way(self, *, config_id: str) -> None:
        """Take a code back. Repeating it is harmless."""
        self._call("externalcontact/del_contact_way", data={"config_id": config_id}, effect=False)
