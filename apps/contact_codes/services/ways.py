"""The two media at WeCom: contact codes (联系我) and acquisition links (获客链接).

Both are made once, changed and taken back as often as one likes, and found again when the answer to
the making was lost: a code by its `state`, a link, which has none, by the end of its name.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.contact_codes import errors
from apps.contact_codes.models import STATE_MARK, ChannelCode
from apps.wecom.client import WeComClient
from apps.wecom.errors import Refused

LOOK_MOST = 400  # codes read one by one in one look
TITLE_IN_NAME = 13  # WeCom takes 30 characters of a link's name; the mark needs 17


class Undecided(Exception):
    """The list of codes is too long to be searched now."""


@dataclass(frozen=True, slots=True)
class Way:
    """What WeCom has."""

    config_id: str
    address: str
    userids: tuple[str, ...]


def make(client: WeComClient, code: ChannelCode, users: list[str]) -> Way:
    """Repeating it makes a second one."""
    if code.is_link:
        link = client.create_link(name=_name(code), userids=users)
        return Way(link.link_id, _with_state(link.address, code), tuple(users))
    way = client.add_shared_way(userids=users, state=code.state, remark=code.title)
    return Way(way.config_id, way.address, tuple(users))


def change(client: WeComClient, code: ChannelCode, users: list[str]) -> None:
    """Repeating it is harmless. What is not there any more is refused as `errors.GONE`."""
    if not code.is_link:
        client.update_contact_way(config_id=code.config_id, userids=users)
        return
    try:
        client.update_link(link_id=code.config_id, name=_name(code), userids=users)
    except Refused as error:
        if error.errcode == errors.UNKNOWN_LINK and code.config_id not in client.list_links():
            raise Refused("update_link: gone", errcode=errors.GONE) from error
        raise


def take_back(client: WeComClient, code: ChannelCode) -> None:
    """Repeating it is harmless."""
    try:
        if code.is_link:
            client.delete_link(link_id=code.config_id)
        else:
            client.delete_contact_way(config_id=code.config_id)
    except Refused as error:
        gone = error.errcode == errors.GONE
        if code.is_link and error.errcode == errors.UNKNOWN_LINK:
            gone = code.config_id not in client.list_links()
        if not gone:
            raise


def find(client: WeComClient, code: ChannelCode, *, since: datetime, until: datetime) -> Way | None:
    """What a call at `since`, whose answer was lost, has made; None when it made nothing.

    Raises Undecided.
    """
    if code.is_link:
        links = (client.get_link(one) for one in _strangers(client.list_links()))
        found = next((link for link in links if link.name.endswith(_mark(code))), None)
        if found is None:
            return None
        return Way(found.link_id, _with_state(found.address, code), found.userids)
    minute = timedelta(minutes=1)
    listed = client.list_contact_ways(start=since - minute, end=until + minute)
    ways = (client.get_contact_way(one) for one in _strangers(listed))
    way = next((way for way in ways if way.state == code.state), None)
    return Way(way.config_id, way.address, way.userids) if way else None


def _strangers(listed: list[str]) -> list[str]:
    """Those on WeCom's list that are none we know of."""
    ours = ChannelCode.objects.filter(config_id__in=listed).values_list("config_id", flat=True)
    strangers = sorted(set(listed) - set(ours))
    if len(strangers) > LOOK_MOST:
        raise Undecided
    return strangers


def _mark(code: ChannelCode) -> str:
    return code.state.removeprefix(STATE_MARK)


def _name(code: ChannelCode) -> str:
    return f"{code.title[:TITLE_IN_NAME]} {_mark(code)}"


def _with_state(address: str, code: ChannelCode) -> str:
    """WeCom tells `customer_channel` as the `State` of who comes by the link."""
    return f"{address}{'&' if '?' in address else '?'}customer_channel={code.state}"
