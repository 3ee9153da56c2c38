"""A guide pressed the button of a card of ours. The event says it all: nothing is read again."""

from datetime import datetime

from apps.guide_tasks import services as guide_tasks
from apps.outreach import services as outreach
from apps.wecom.client import WeComClient
from apps.wecom_sync.handlers import Handler, Happened


def _no_look(client: WeComClient, event: Happened) -> None:
    return None


def _pressed(event: Happened, look: None, now: datetime) -> str:
    fields = event.fields
    notice = outreach.acknowledge(
        corp_id=event.corp_id,
        userid=str(fields.get("FromUserName") or ""),
        task_id=str(fields.get("TaskId") or ""),
        response_code=str(fields.get("ResponseCode") or ""),
        at=event.at,
        now=now,
    )
    if notice is None:
        return "not a card of ours"
    guide_tasks.chase_acknowledged(
        guide_id=notice.guide_id, source=notice.source, at=min(event.at, now)
    )
    return ""


CARD_HANDLERS: dict[tuple[str, str], Handler] = {
    ("template_card_event", ""): Handler(_no_look, _pressed),
}
