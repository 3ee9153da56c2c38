"""客户联系: the corp's tags and who carries them."""

from collections.abc import Sequence

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import NoAnswer
from apps.wecom.shapes import CorpTagGroup, CorpTagItem

NOT_OUR_TAG = 81011  # an app edits and deletes only tags it made itself
TAG_UNKNOWN = 40068
TOO_MANY_TAGS = 40126  # 3,000 in the whole corp


class Tags(Transport):
    def list_corp_tags(self) -> list[CorpTagGroup]:
        """Every group with its tags."""
        answer = self._call("externalcontact/get_corp_tag_list", data={}, effect=False)
        return [_group_of(row) for row in answer.get("tag_group") or ()]

    def add_corp_tags(self, *, group_name: str, names: Sequence[str]) -> CorpTagGroup:
        """Make tags in the group of that name, and the group when there is none.

        `NoAnswer` means they may exist: list before anything is made again.
        """
        body: Json = {"group_name": group_name, "tag": [{"name": name} for name in names]}
        answer = self._call("externalcontact/add_corp_tag", data=body, effect=True)
        if not answer.get("tag_group"):
            raise NoAnswer("add_corp_tag: no tag_group", outcome_unknown=True)
        return _group_of(answer["tag_group"])

    def edit_corp_tag(self, *, ident: str, name: str) -> None:
        """Rename a tag or a group. Repeating it is harmless. `Refused` with 81011 if another's."""
        body: Json = {"id": ident, "name": name}
        self._call("externalcontact/edit_corp_tag", data=body, effect=False)

    def mark_tag(
        self, *, userid: str, external_userid: str, add: Sequence[str], remove: Sequence[str]
    ) -> None:
        """Put tags on a member's customer and take some off. Repeating it is harmless.

        `Refused` with 84061 when the customer is not that member's any more.
        """
        body: Json = {"userid": userid, "external_userid": external_userid}
        if add:
            body["add_tag"] = list(add)
        if remove:
            body["remove_tag"] = list(remove)
        self._call("externalcontact/mark_tag", data=body, effect=False)


def _group_of(row: Json) -> CorpTagGroup:
    return CorpTagGroup(
        id=row["group_id"],
        name=row.get("group_name") or "",
        order=int(row.get("order") or 0),
        tags=tuple(
            CorpTagItem(id=tag["id"], name=tag.get("name") or "", order=int(tag.get("order") or 0))
            for tag in row.get("tag") or ()
            if not tag.get("deleted")
        ),
    )
