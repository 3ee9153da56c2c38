"""The floor of `bench callback`: verify and decrypt with the library alone, and answer."""

import os
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from wechatpy.enterprise.crypto import WeChatCrypto

_crypto = WeChatCrypto(
    os.environ.get("BARE_TOKEN", ""),
    os.environ.get("BARE_AES_KEY", "A" * 43),
    os.environ.get("BARE_CORP_ID", ""),
)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application of the fewest steps a callback door can have."""
    query = parse_qs(environ["QUERY_STRING"])
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    _crypto.decrypt_message(
        body, query["msg_signature"][0], query["timestamp"][0], query["nonce"][0]
    )
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b""]
