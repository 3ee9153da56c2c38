"""Tickets and page signatures for the JS-SDK."""

import hashlib
import secrets
import time

from redis.exceptions import RedisError

from apps.wecom.client.transport import Transport
from apps.wecom.client.values import Json
from apps.wecom.errors import Unreachable


class JsSdk(Transport):
    def config_signature(self, url: str) -> Json:
        """What `ww.register` wants from `getConfigSignature` for the page at `url`."""
        return self._signature(url, self._ticket("corp", "get_jsapi_ticket", None))

    def agent_config_signature(self, url: str) -> Json:
        """What `ww.register` wants from `getAgentConfigSignature`: with this very app's ticket."""
        return self._signature(url, self._ticket("agent", "ticket/get", {"type": "agent_config"}))

    def forget_tickets(self) -> bool:
        """A page says that WeCom takes our ticket no more (it may be revoked before its end): the
        next signature fetches a new one. Once a minute at most, for pages may err or lie."""
        keys = [self._ticket_key(kind) for kind in ("corp", "agent")]
        try:
            return self.kept.forget(self.access_token_key, keys)
        except RedisError as exc:
            raise Unreachable(f"ticket: {type(exc).__name__}") from None

    def _ticket_key(self, kind: str) -> str:
        # per secret: the library keeps one agent ticket per corp and apps overwrite each other
        return f"ticket:{kind}:{self.access_token_key}"

    def _ticket(self, kind: str, path: str, params: Json | None) -> str:
        key = self._ticket_key(kind)

        def fetch() -> str:
            answer = self._call(path, params=params, effect=False)
            self.session.set(key, answer["ticket"], max(int(answer["expires_in"]) - 60, 1))
            return answer["ticket"]

        try:
            return self.kept.value(key, fetch)
        except RedisError as exc:
            raise Unreachable(f"ticket: {type(exc).__name__}") from None

    def _signature(self, url: str, ticket: str) -> Json:
        nonce, timestamp = secrets.token_hex(8), int(time.time())
        return {
            "timestamp": timestamp,
            "nonceStr": nonce,
            "signature": sign_page(ticket=ticket, nonce=nonce, timestamp=timestamp, url=url),
            "corpId": self.corp_id,
            "agentId": self.agent_id,
        }


def sign_page(*, ticket: str, nonce: str, timestamp: int, url: str) -> str:
    """The JS-SDK's page signature; the fragment is not part of the address."""
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url.split('#')[0]}"
    return hashlib.sha1(text.encode()).hexdigest()
