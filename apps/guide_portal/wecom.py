"""What pages need of WeCom's JS-SDK."""

from typing import Any

from django.conf import settings

from apps.wecom.client import client_for
from apps.wecom.errors import WeComError


def sdk_context() -> dict[str, Any]:
    """Where the SDK is and who we are; without a connected corp the page goes without it."""
    context: dict[str, Any] = {"jssdk_url": settings.WECOM_JSSDK_URL, "corp": None}
    try:
        client = client_for()
    except WeComError:
        return context
    return {**context, "corp": {"corp_id": client.corp_id, "agent_id": client.agent_id}}
