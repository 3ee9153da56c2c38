"""Error codes as WeCom answers them. Compare the number; the text is unstable there too."""

from typing import Any

TEXTS = {
    -1: "system busy",
    404: "no such interface",
    40001: "invalid credential",
    40003: "invalid userid",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40029: "invalid code",
    40032: "userid list too long",
    40035: "invalid parameter",
    40056: "invalid agentid",
    40058: "invalid Request Parameter",
    40063: "some parameters are empty",
    40066: "invalid party list",
    40068: "invalid tagid",
    40071: "invalid tag name: exists",
    40072: "invalid tag name: length",
    40093: "invalid jsapi signature",
    40096: "invalid external userid",
    40097: "user has not left",
    40098: "user not verified",
    40099: "contact limit reached",
    40128: "customer transferred twice in 90 days",
    40129: "customer is being transferred",
    40130: "handover and takeover are the same",
    40131: "handover is not the follower",
    40205: "user has not signed in for a year",
    40126: "tag number limit",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "secret missing",
    41035: "external userid missing",
    41037: "contact way type missing or invalid",
    41038: "contact way scene missing or invalid",
    41041: "contact way members over 100",
    41043: "config_id missing",
    41044: "config_id invalid",
    41045: "contact way limit",
    41046: "msgid missing",
    41047: "invalid msgid",
    41048: "no customer to send",
    41049: "welcome_code missing",
    41050: "invalid welcome_code or expired",
    41051: "welcome message already sent",
    41063: "msg is dispatching",
    41064: "too many attachments",
    41065: "invalid attachment msgtype",
    41093: "group message cancelled",
    41094: "remind too often",
    42001: "access_token expired",
    42003: "oauth code expired",
    42014: "invalid template_card",
    41054: "member not activated",
    41055: "group welcome template over limit",
    41059: "missing moment_id",
    41060: "invalid moment_id",
    41072: "attachment in the wrong scene",
    41061: "not a task of this member",
    41062: "moment not published",
    41080: "attachment too large",
    41089: "empty moment",
    42022: "oauth code used",
    42052: "message too old to recall",
    44001: "empty media data",
    44004: "empty content",
    45001: "media size out of limit",
    45002: "content size out of limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    46004: "user no exist",
    48002: "API forbidden",
    50001: "redirect_url not registered domain",
    60011: "no privilege to access/modify contact/party/agent",
    60020: "not allow to access from your ip",
    60111: "userid not found",
    60123: "invalid party id",
    60140: "invalid response_code",
    81011: "no privilege of the tag",
    81013: "all touser invalid",
    82001: "no receiver",
    82002: "too many parties",
    84014: "user_ticket expired",
    84015: "invalid user_ticket",
    84061: "not external contact",
    81017: "too many users in range",
    86001: "invalid chat id",
    90500: "owner has not left",
    90501: "not a customer group",
    84074: "no external contact right",
    91040: "invalid ticket type",
    41095: "acquisition link limit",
    40050: "chatid not exist",
    41096: "welcome message is being sent by another app",
    43004: "userid not bound to wechat",
    86003: "owner invalid",
    86006: "chat members too few or too many",
    86008: "not a chat of this app",
    90508: "group is inherited already",
    301002: "not allow operate another agent",
}


class ApiError(Exception):
    """An answer with an errcode, and the empty result fields some calls add to it."""

    def __init__(self, errcode: int, **extra: Any) -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.extra = extra


def error_text(errcode: int, *, at: float, ip: str) -> str:
    """The long text of a refusal: reason, hint, caller's address and where to look it up."""
    hint = f"{int(at * 1000)}_{errcode & 0xFFFF}_{hash((at, errcode)) & 0xFFFFFFFF:08x}"
    return (
        f"{TEXTS.get(errcode, 'unknown error')}, hint: [{hint}], from ip: {ip}, "
        f"more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}"
    )
