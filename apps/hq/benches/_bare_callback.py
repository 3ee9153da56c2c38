"""The floor of `bench callback`: verify and decrypt with the library alone, and answer."""

import os
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from wechatpy.enterprise.crypto import WeChatCrypto

_crypto = WeChatCrypto(
    os.environ.get("BARE_TOKEN", ""),
    os.environ.get("BARE_AES_KEY", "A" * 43),
    os.environ.get("BARE_CORP_ID", ""),
)


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """An ASGI application of the fewest steps a callback door can have."""
    query = parse_qs(scope["query_string"].decode())
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    _crypto.decrypt_message(
        body, query["msg_signature"][0], query["timestamp"][0], query["nonce"][0]
    )
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
