"""Event type → function, for events that are read one by one; friends come in sets of their own.

`look` asks WeCom and may take its time; `apply` runs in the transaction that also closes the event.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.contact_codes import services as contact_codes
from apps.core import clock
from apps.core.wake import wake
from apps.handovers import services as handovers
from apps.wecom.client import WeComClient
from apps.wecom.models import RawCallback


@dataclass(frozen=True, slots=True)
class Happened:
    """One change of a friendship or a group, in our words. `attempt` counts from 1."""

    corp_id: str
    change: str
    userid: str
    external_userid: str
    state: str
    at: datetime
    by_transfer: bool
    attempt: int
    looked_at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handler:
    """`apply` takes what `look` found, and returns why there was nothing to do, or ""."""

    look: Callable[[WeComClient, Happened], Any]
    apply: Callable[[Happened, Any, datetime], str]


def happened(row: RawCallback) -> Happened:
    """The event's words of interest."""
    fields = row.fields
    return Happened(
        corp_id=row.endpoint.corp.corp_id,
        change=row.change_type,
        userid=str(fields.get("UserID") or ""),
        external_userid=str(fields.get("ExternalUserID") or ""),
        state=str(fields.get("State") or "")[:64],
        at=row.created_by_wecom_at or row.received_at,
        by_transfer=fields.get("Source") == "DELETE_BY_TRANSFER",
        attempt=row.attempts,
        looked_at=clock.now(),
        fields=row.fields,
    )


NOT_LIVE = "store not live yet"


def _no_look(client: WeComClient, event: Happened) -> None:
    return None


def _tags_changed(event: Happened, look: None, now: datetime) -> str:
    """A tag was made, renamed, deleted or moved: the whole list is read anew, in its own job."""
    wake("wecom_sync.compare", corp_id=event.corp_id, kind="tags")
    return ""


def _transfer_failed(event: Happened, look: None, now: datetime) -> str:
    """Nothing changed: the customer stays with whoever had them. Why, WeCom's own list tells."""
    heard = handovers.hear_of_failure(
        corp_id=event.corp_id,
        userid=event.userid,
        external_userid=event.external_userid,
        now=now,
    )
    return "" if heard else "transfer did not happen"


def _of_links(event: Happened, look: None, now: datetime) -> str:
    """Acquisition links: the quota is another one, or a link does not work any more."""
    ours = contact_codes.hear_of_links(
        corp_id=event.corp_id,
        change=event.change,
        link_id=str(event.fields.get("LinkId") or ""),
        now=now,
    )
    return "" if ours else "link not ours"


HANDLERS: dict[tuple[str, str], Handler] = {
    ("change_external_contact", "transfer_fail"): Handler(_no_look, _transfer_failed),
    **{
        ("change_external_tag", change): Handler(_no_look, _tags_changed)
        for change in ("create", "update", "delete", "shuffle")
    },
    **{
        ("customer_acquisition", change): Handler(_no_look, _of_links)
        for change in (
            "balance_low",
            "balance_exhausted",
            "balance_increased",
            "quota_expire_soon",
            "link_unavailable",
            "delete_link",
        )
    },
}
