"""Who is it: the two pages of WeCom that a browser is sent to, and the code it returns with."""

from urllib.parse import quote, urlencode

from django.conf import settings

from apps.wecom.client.corps import customer_contact_app, default_corp
from apps.wecom.client.transport import Transport
from apps.wecom.errors import CodeNotOurs, Refused
from apps.wecom.models import Corp
from apps.wecom.shapes import OAuthUser

_INVALID_CODE = 40029


class OAuth(Transport):
    def oauth_user(self, code: str) -> OAuthUser:
        """Who came back with this code. A code works once and for five minutes, else `Refused`;
        `CodeNotOurs` where WeCom gave it out for another corp."""
        try:
            # never repeated by us: the first answer uses the code up
            answer = self._call("auth/getuserinfo", params={"code": code}, effect=True)
        except Refused as error:
            if error.errcode == _INVALID_CODE:
                raise CodeNotOurs(error.detail, errcode=error.errcode) from None
            raise
        return OAuthUser(
            userid=answer.get("userid") or None,
            external_userid=answer.get("external_userid") or None,
            openid=answer.get("openid") or None,
        )


def authorize_url(redirect_uri: str, state: str, corp: Corp | None = None) -> str:
    """Where to send a browser inside WeCom so that it comes back to `redirect_uri` with a code."""
    corp = corp or default_corp()
    query = urlencode(
        {
            "appid": corp.corp_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
            "agentid": customer_contact_app(corp).agent_id,
        },
        quote_via=quote,
        safe="",
    )
    base = settings.WECOM_OAUTH_BASE.rstrip("/")
    return f"{base}/connect/oauth2/authorize?{query}#wechat_redirect"


def login_url(redirect_uri: str, state: str, corp: Corp | None = None) -> str:
    """Where to send a desktop browser for the QR sign-in."""
    corp = corp or default_corp()
    query = urlencode(
        {
            "login_type": "CorpApp",
            "appid": corp.corp_id,
            "agentid": customer_contact_app(corp).agent_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "lang": "zh",
        },
        quote_via=quote,
        safe="",
    )
    return f"{settings.WECOM_LOGIN_BASE.rstrip('/')}/wwlogin/sso/login?{query}"
