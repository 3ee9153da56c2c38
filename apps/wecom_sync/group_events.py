"""Events of customer groups: each group is read again by its id, what the event names is kept.

WeCom's own reading may be some seconds behind its event: an answer that still carries the version
before the event is asked for again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef

from apps.core import clock
from apps.core.errors import DomainError
from apps.customer_groups import services as groups
from apps.customer_groups.models import CustomerGroup
from apps.stores.models import Guide, Posting
from apps.wecom.client import WeComClient
from apps.wecom.shapes.groups import GroupDetail
from apps.wecom_sync.handlers import NOT_LIVE, Handler, Happened

LOOKS_FOR_NEWER = 4  # then what WeCom shows is taken; the comparison at night has the last word
OWNER_UNKNOWN = "owner not known"


class NotThereYet(DomainError):
    """WeCom told of a change and does not show it yet: look again later."""

    code = "group_not_there_yet"


@dataclass(frozen=True, slots=True)
class Look:
    """What WeCom showed, and when it was asked."""

    detail: GroupDetail | None
    at: datetime


def _chat_id(event: Happened) -> str:
    return str(event.fields.get("ChatId") or "")


def people_named(fields: Mapping[str, Any]) -> list[str]:
    """Who came or went. One `Item` parses to a text, several to a list; older servers join them
    with commas."""
    named = fields.get("MemChangeList") or ""
    if isinstance(named, Mapping):
        named = named.get("Item") or ""
    if isinstance(named, str):
        named = named.split(",")
    return list(dict.fromkeys(str(one).strip() for one in named if one and str(one).strip()))


def _look(client: WeComClient, event: Happened) -> Look:
    at = clock.now()
    detail = client.get_group(_chat_id(event))
    behind = detail is None if event.change == "create" else _is_behind(detail, event)
    if behind and event.attempt < LOOKS_FOR_NEWER:
        raise NotThereYet()
    return Look(detail, at)


def _is_behind(detail: GroupDetail | None, event: Happened) -> bool:
    before = str(event.fields.get("LastMemVer") or "")
    return detail is not None and before != "" and detail.version == before


def _no_look(client: WeComClient, event: Happened) -> None:
    return None


def is_ours(*, corp_id: str, detail: GroupDetail, now: datetime) -> str:
    """Why a group is none of our business yet, or "" when it is."""
    here = Posting.objects.on(clock.business_day(now)).filter(guide_id=OuterRef("pk"))
    owner = (
        Guide.objects.filter(corp_id=corp_id, wecom_userid=detail.owner)
        .annotate(waits=Exists(here.filter(store__live_since=None)))
        .first()
    )
    if owner is not None:
        return NOT_LIVE if owner.waits else ""
    known = CustomerGroup.objects.filter(corp_id=corp_id, chat_id=detail.chat_id)
    return "" if known.exists() else OWNER_UNKNOWN


def _changed(event: Happened, look: Look, now: datetime) -> str:
    if look.detail is not None:
        nothing_because = is_ours(corp_id=event.corp_id, detail=look.detail, now=now)
        if nothing_because:
            return nothing_because
        groups.mirror_group(corp_id=event.corp_id, detail=look.detail, read_at=look.at)
    detail = event.fields.get("UpdateDetail")
    if detail in ("add_member", "del_member"):
        joined = detail == "add_member"
        groups.note_people(
            corp_id=event.corp_id,
            chat_id=_chat_id(event),
            joined=joined,
            idents=people_named(event.fields),
            at=event.at,
            scene=_number(event.fields.get("JoinScene" if joined else "QuitScene")),
        )
    return "" if look.detail is not None else "no such group any more"


def _number(value: Any) -> int:
    return int(value) if str(value or "").isdecimal() else 0


def _dissolved(event: Happened, look: None, now: datetime) -> str:
    known = groups.dissolve(corp_id=event.corp_id, chat_id=_chat_id(event), at=event.at)
    return "" if known else "group not known"


_CHANGES = Handler(_look, _changed)

GROUP_HANDLERS: dict[tuple[str, str], Handler] = {
    ("change_external_chat", "create"): _CHANGES,
    ("change_external_chat", "update"): _CHANGES,
    ("change_external_chat", "dismiss"): Handler(_no_look, _dissolved),
}
