"""Who tapped."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OAuthUser:
    """Who tapped: a member has `userid`, a customer `external_userid`, a stranger only `openid`."""

    userid: str | None
    external_userid: str | None
    openid: str | None
