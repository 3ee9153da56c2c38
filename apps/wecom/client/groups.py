"""客户群: groups, codes that lead into them, welcomes for newcomers, mass sends to groups."""

from collections.abc import Sequence
from datetime import datetime

from apps.wecom.client.mass_sends import SendTasks
from apps.wecom.client.values import Json, moment
from apps.wecom.errors import NoAnswer, Refused
from apps.wecom.shapes.groups import (
    GroupDetail,
    GroupListing,
    GroupPerson,
    GroupSendResult,
    JoinWay,
)
from apps.wecom.shapes.mass_sends import MassSend, MassSendFilter, MassSendListing

# what WeCom answers for a group that is dissolved, or whose owner the app may not see
NO_SUCH_GROUP = frozenset({86001, 86003, 86101, 90501})
GROUP_SEND_MAX = 2_000
OWNERS_PER_CALL = 100


class Groups(SendTasks):
    def list_groups(self, *, owners: Sequence[str]) -> list[GroupListing]:
        """Groups of at most a hundred owners."""
        body: Json = {
            "status_filter": 0,
            "owner_filter": {"userid_list": list(owners)},
            "limit": 1000,
        }
        return [
            GroupListing(chat_id=row["chat_id"], status=int(row.get("status") or 0))
            for row in self._pages("externalcontact/groupchat/list", body, "group_chat_list")
        ]

    def get_group(self, chat_id: str) -> GroupDetail | None:
        """A group and who is in it; None when there is no such group any more."""
        body: Json = {"chat_id": chat_id, "need_name": 0}
        try:
            answer = self._call("externalcontact/groupchat/get", data=body, effect=False)
        except Refused as error:
            if error.errcode in NO_SUCH_GROUP:
                return None
            raise
        group = answer["group_chat"]
        return GroupDetail(
            chat_id=group["chat_id"],
            name=group.get("name") or "",
            owner=group["owner"],
            created_at=moment(group.get("create_time")),
            people=tuple(_person(row) for row in group.get("member_list") or ()),
            version=group.get("member_version") or "",
        )

    # -- codes ----------------------------------------------------------------------------------

    def add_join_way(
        self,
        *,
        chat_ids: Sequence[str],
        state: str,
        remark: str,
        new_groups: bool,
        base_name: str = "",
        base_number: int = 1,
    ) -> str:
        """A code that leads into the first of these groups that has room; its `config_id`.

        With `new_groups` WeCom opens another group when all are full. `NoAnswer` means the code
        may exist; there is no list of them to look into.
        """
        body: Json = {
            "scene": 2,
            "remark": remark[:30],
            "chat_id_list": list(chat_ids),
            "state": state,
            "auto_create_room": int(new_groups),
        }
        if new_groups:
            body |= {"room_base_name": base_name, "room_base_id": base_number}
        answer = self._call("externalcontact/groupchat/add_join_way", data=body, effect=True)
        if not answer.get("config_id"):
            raise NoAnswer("add_join_way: no config_id", outcome_unknown=True)
        return str(answer["config_id"])

    def get_join_way(self, config_id: str) -> JoinWay:
        answer = self._call(
            "externalcontact/groupchat/get_join_way", data={"config_id": config_id}, effect=False
        )
        way = answer["join_way"]
        return JoinWay(
            config_id=way["config_id"],
            address=way.get("qr_code") or "",
            chat_ids=tuple(way.get("chat_id_list") or ()),
        )

    def delete_join_way(self, config_id: str) -> None:
        """Take a code back. Repeating it is harmless."""
        self._call(
            "externalcontact/groupchat/del_join_way", data={"config_id": config_id}, effect=False
        )

    # -- welcomes -------------------------------------------------------------------------------

    def add_group_welcome(self, *, text: str, notify: bool, picture: str = "") -> str:
        """A welcome that owners may choose for their groups; its `template_id`. `picture` is an
        uploaded one's media id."""
        body: Json = {**_welcome_body(text, picture), "notify": int(notify)}
        answer = self._call("externalcontact/group_welcome_template/add", data=body, effect=True)
        if not answer.get("template_id"):
            raise NoAnswer("group_welcome_template/add: no template_id", outcome_unknown=True)
        return str(answer["template_id"])

    def edit_group_welcome(self, *, template_id: str, text: str, picture: str = "") -> None:
        """Say it in other words, with this picture or none. Repeating it is harmless."""
        body: Json = {"template_id": template_id, **_welcome_body(text, picture)}
        self._call("externalcontact/group_welcome_template/edit", data=body, effect=False)

    def delete_group_welcome(self, template_id: str) -> None:
        """Take a welcome back. Repeating it is harmless."""
        body: Json = {"template_id": template_id}
        self._call("externalcontact/group_welcome_template/del", data=body, effect=False)

    # -- mass sends to groups -------------------------------------------------------------------

    def create_group_send(
        self,
        *,
        sender: str,
        chat_ids: Sequence[str],
        text: str,
        attachments: Sequence[Json] = (),
    ) -> MassSend:
        """Make the task that the owner must confirm on the phone. Nothing goes out before that.

        `failed` names groups WeCom left out. `NoAnswer` means the task may exist: look it up with
        `list_group_sends` before anything is made again.
        """
        if not 1 <= len(chat_ids) <= GROUP_SEND_MAX:
            raise Refused("add_msg_template: 1 to 2,000 groups", errcode=40058)
        body: Json = {"chat_type": "group", "sender": sender, "chat_id_list": list(chat_ids)}
        return self._make_task(body, text=text, attachments=attachments)

    def list_group_sends(self, *, start: datetime, end: datetime) -> list[MassSendListing]:
        """Mass sends to groups made by the corp in [start, end]; less than a month apart."""
        return self._listed(start, end, MassSendFilter.CORP)

    def list_own_group_sends(self, *, start: datetime, end: datetime) -> list[MassSendListing]:
        """Those that owners made by themselves in [start, end]; less than a month apart. `creator`
        is who made it."""
        return self._listed(start, end, MassSendFilter.PERSONAL)

    def _listed(
        self, start: datetime, end: datetime, whose: MassSendFilter
    ) -> list[MassSendListing]:
        body: Json = {
            "chat_type": "group",
            "start_time": int(start.timestamp()),
            "end_time": int(end.timestamp()),
            "filter_type": int(whose),
            "limit": 100,
        }
        return [
            MassSendListing(
                msgid=row["msgid"],
                creator=row.get("creator") or "",
                created_at=moment(row["create_time"]) or start,
                text=(row.get("text") or {}).get("content") or "",
            )
            for row in self._pages("externalcontact/get_groupmsg_list_v2", body, "group_msg_list")
        ]

    def list_group_send_results(self, *, msgid: str, userid: str) -> list[GroupSendResult]:
        """Which groups of this owner have the message; the others are not named."""
        return [
            GroupSendResult(chat_id=row["chat_id"], sent_at=moment(row.get("send_time")))
            for row in self._pages(
                "externalcontact/get_groupmsg_send_result",
                {"msgid": msgid, "userid": userid, "limit": 1000},
                "send_list",
            )
            if int(row["status"]) == 1
        ]


def _welcome_body(text: str, picture: str) -> Json:
    body: Json = {"text": {"content": text}}
    return body | ({"image": {"media_id": picture}} if picture else {})


def _person(row: Json) -> GroupPerson:
    return GroupPerson(
        ident=row["userid"],
        is_customer=int(row.get("type") or 0) == 2,
        joined_at=moment(row.get("join_time")),
        scene=int(row.get("join_scene") or 0),
        invitor=(row.get("invitor") or {}).get("userid") or "",
        state=row.get("state") or "",
    )
