"""The one door to WeCom's HTTP API: a module for each group of endpoints, one transport."""

from apps.wecom.client.agents import NOT_VISIBLE
from apps.wecom.client.contact_ways import NO_CONTACT_WAY
from apps.wecom.client.contacts import NO_RELATION
from apps.wecom.client.corps import corp_at_door, default_corp
from apps.wecom.client.jssdk import sign_page
from apps.wecom.client.messages import CARD_REFUSED, CODE_USED_UP, NOTICE_MAX_USERS
from apps.wecom.client.oauth import authorize_url, login_url
from apps.wecom.client.tags import NOT_OUR_TAG, TAG_UNKNOWN, TOO_MANY_TAGS
from apps.wecom.client.transport import (
    call_counts,
    latest_calls,
    open_again_in,
    paused_for,
    shared_cache,
)
from apps.wecom.client.whole import WeComClient, client_for, client_of

__all__ = [
    "CARD_REFUSED",
    "CODE_USED_UP",
    "NOTICE_MAX_USERS",
    "NOT_OUR_TAG",
    "NOT_VISIBLE",
    "NO_CONTACT_WAY",
    "NO_RELATION",
    "TAG_UNKNOWN",
    "TOO_MANY_TAGS",
    "WeComClient",
    "authorize_url",
    "call_counts",
    "client_for",
    "client_of",
    "corp_at_door",
    "default_corp",
    "latest_calls",
    "login_url",
    "open_again_in",
    "paused_for",
    "shared_cache",
    "sign_page",
]
