"""客户联系: who has customers, and who they are."""

from collections.abc import Sequence

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json, moment
from apps.wecom.errors import Refused
from apps.wecom.shapes import Contact, ContactDetail, ContactPage, Follow

NO_RELATION = 84061  # also the answer for a member who has no customers at all
CONTACT_PAGE = 100


class Contacts(Transport):
    def list_follow_userids(self) -> list[str]:
        """Members who may have customers."""
        answer = self._call("externalcontact/get_follow_user_list", effect=False)
        return list(answer.get("follow_user") or ())

    def list_contacts_of(self, userids: Sequence[str], cursor: str = "") -> ContactPage:
        """One page of the customers of up to 100 members; `next_cursor` leads to the next."""
        body: Json = {"userid_list": list(userids), "limit": CONTACT_PAGE}
        if cursor:
            body["cursor"] = cursor
        try:
            answer = self._call("externalcontact/batch/get_by_user", data=body, effect=False)
        except Refused as exc:
            if exc.errcode != NO_RELATION:
                raise
            return ContactPage(items=(), next_cursor="")
        return ContactPage(
            items=tuple(
                (contact_of(row["external_contact"]), follow_of(row["follow_info"]))
                for row in answer.get("external_contact_list") or ()
            ),
            next_cursor=answer.get("next_cursor") or "",
        )

    def get_contact(self, external_userid: str) -> ContactDetail:
        """A customer and everyone who follows them. `Refused` with 84061 when nobody does now."""
        contact: Contact | None = None
        follows: list[Follow] = []
        cursor = ""
        while True:
            params = {"external_userid": external_userid}
            if cursor:
                params["cursor"] = cursor
            answer = self._call("externalcontact/get", params=params, effect=False)
            contact = contact or contact_of(answer["external_contact"])
            follows += [follow_of(row) for row in answer.get("follow_user") or ()]
            cursor = answer.get("next_cursor") or ""
            if not cursor:
                return ContactDetail(contact=contact, follows=tuple(follows))


def contact_of(row: Json) -> Contact:
    return Contact(
        external_userid=row["external_userid"],
        name=row.get("name") or "",
        unionid=row.get("unionid") or "",
        gender=int(row.get("gender") or 0),
        type=int(row.get("type") or 1),
    )


def follow_of(row: Json) -> Follow:
    tags = row.get("tag_id") or [tag.get("tag_id") for tag in row.get("tags") or ()]
    return Follow(
        userid=row["userid"],
        remark=row.get("remark") or "",
        created_at=moment(row.get("createtime")),
        state=row.get("state") or "",
        add_way=int(row.get("add_way") or 0),
        remark_mobiles=tuple(mobile for mobile in row.get("remark_mobiles") or () if mobile),
        tag_ids=tuple(tag for tag in tags if tag),  # members' own tags carry no id
    )
