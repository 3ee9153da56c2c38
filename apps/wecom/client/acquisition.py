"""获客助手: links that lead customers to members, and the quota they use up."""

from collections.abc import Sequence
from datetime import datetime

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json, moment
from apps.wecom.errors import NoAnswer
from apps.wecom.shapes import (
    AcquisitionLink,
    AcquisitionLinkDetail,
    AcquisitionQuota,
    LinkStatistic,
)

LINK_MAX_NAME = 30
_BASE = "externalcontact/customer_acquisition/"


class Acquisition(Transport):
    def create_link(self, *, name: str, userids: Sequence[str]) -> AcquisitionLink:
        """A link to up to 500 members. What is added to its address as `customer_channel` comes
        back as the `State` of its customers.

        `NoAnswer` means the link may exist: look for its name before another one is made.
        """
        body: Json = {"link_name": name[:LINK_MAX_NAME], "range": {"user_list": list(userids)}}
        answer = self._call(f"{_BASE}create_link", data=body, effect=True)
        link = answer.get("link") or {}
        if not link.get("link_id"):
            raise NoAnswer("create_link: no link_id", outcome_unknown=True)
        return AcquisitionLink(
            link_id=link["link_id"], name=link.get("link_name") or "", address=link.get("url") or ""
        )

    def update_link(self, *, link_id: str, name: str, userids: Sequence[str]) -> None:
        """Replace the members of a link. Repeating it is harmless."""
        body: Json = {
            "link_id": link_id,
            "link_name": name[:LINK_MAX_NAME],
            "range": {"user_list": list(userids)},
        }
        self._call(f"{_BASE}update_link", data=body, effect=False)

    def delete_link(self, *, link_id: str) -> None:
        self._call(f"{_BASE}delete_link", data={"link_id": link_id}, effect=False)

    def list_links(self) -> list[str]:
        """Ids of this app's own links."""
        # WeCom gives bare ids, so they are no rows of objects
        return [str(one) for one in self._pages(f"{_BASE}list_link", {"limit": 100},
                                                "link_id_list")]  # fmt: skip

    def get_link(self, link_id: str) -> AcquisitionLinkDetail:
        answer = self._call(f"{_BASE}get", data={"link_id": link_id}, effect=False)
        link, members = answer.get("link") or {}, answer.get("range") or {}
        return AcquisitionLinkDetail(
            link_id=link.get("link_id") or link_id,
            name=link.get("link_name") or "",
            address=link.get("url") or "",
            userids=tuple(members.get("user_list") or ()),
        )

    def link_statistic(self, *, link_id: str, start: datetime, end: datetime) -> LinkStatistic:
        """At most 180 days back."""
        body: Json = {
            "link_id": link_id,
            "start_time": int(start.timestamp()),
            "end_time": int(end.timestamp()),
        }
        answer = self._call(f"{_BASE}statistic", data=body, effect=False)
        return LinkStatistic(
            clicks=int(answer.get("click_link_customer_cnt") or 0),
            new_customers=int(answer.get("new_customer_cnt") or 0),
        )

    def acquisition_quota(self) -> AcquisitionQuota:
        answer = self._call("externalcontact/customer_acquisition_quota", effect=False)
        ends = [row["expire_date"] for row in answer.get("quota_list") or () if row.get("balance")]
        return AcquisitionQuota(
            total=int(answer.get("total") or 0),
            balance=int(answer.get("balance") or 0),
            next_expiry=moment(min(ends, default=None)),
        )
