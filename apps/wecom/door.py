"""The callbacks' own door, before the pages': no session, no policy, no log line for each.

WeCom waits five seconds and posts in storms. A posted callback needs nothing of what a page needs,
so it is taken before Django's handler; whatever else comes (the address check, an unknown address,
every page) goes on to it. The bell is rung beside the answer, never before it.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import structlog
from django.db import InterfaceError, OperationalError, connection

from apps.wecom.crypto import MAX_BODY_BYTES, Seal
from apps.wecom.errors import CallbackRejected, CallbackTooLarge
from apps.wecom.selectors import endpoint_config
from apps.wecom.services.bells import ringer
from apps.wecom.services.receiving import Kept, keep_callback

log = structlog.get_logger(__name__)

PREFIX = "/wecom/callback/"
Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]


class CallbackDoor:
    """Stands before `pages` and takes posted callbacks."""

    def __init__(self, pages: App) -> None:
        self.pages = pages

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST" or not environ["PATH_INFO"].startswith(PREFIX):
            return self.pages(environ, start)
        slug = environ["PATH_INFO"][len(PREFIX) :].rstrip("/")
        try:
            kept = self._take(slug, environ)
        except CallbackRejected as refusal:
            return _answer(start, refusal.status, refusal.code)
        except Exception as error:  # its text may quote the row
            log.error("callback_not_kept", error=type(error).__name__)
            return _answer(start, 500, "not kept")
        if kept is None:
            return self.pages(environ, start)
        ringer.ask(*kept.bells)
        return _answer(start, 200, "")

    def _take(self, slug: str, environ: Environ) -> Kept | None:
        """None: no such address. The body is read only when there is one."""
        try:
            endpoint = endpoint_config(slug)
        except (OperationalError, InterfaceError):
            connection.close()  # a connection that broke while nobody used it
            endpoint = endpoint_config(slug)
        if endpoint is None:
            return None
        seal = Seal.from_query(dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)))
        body = _body(environ)
        try:
            return keep_callback(endpoint=endpoint, seal=seal, body=body)
        except (OperationalError, InterfaceError):
            connection.close()
            return keep_callback(endpoint=endpoint, seal=seal, body=body)


def _body(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal():
        raise CallbackRejected("Not a length.")
    # refused by its announced length, before a byte of it is read
    if int(length) > MAX_BODY_BYTES:
        raise CallbackTooLarge("Larger than 1 MB.")
    body: bytes = environ["wsgi.input"].read(int(length))
    return body


_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 413: "Content Too Large"}


def _answer(start: Start, status: int, text: str) -> Iterable[bytes]:
    body = text.encode()
    reason = _REASONS.get(status, "Internal Server Error")
    start(
        f"{status} {reason}",
        [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))],
    )
    return [body]
