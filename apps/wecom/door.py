"""The callbacks' own door, before the pages': no session, no policy, no log line for each.

WeCom waits five seconds and posts in storms. A posted callback needs nothing of what a page needs,
so it is taken before Django's handler; whatever else comes (the address check, an unknown address,
every page) goes on to it. Callbacks that arrive together share one statement and one commit, and
each is answered only after the commit that holds its row. The bell is rung beside the answer,
never before it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import structlog
from asgiref.sync import sync_to_async
from django.db import connection
from psycopg import AsyncConnection

from apps.wecom.crypto import MAX_BODY_BYTES, Seal
from apps.wecom.errors import CallbackRejected, CallbackTooLarge
from apps.wecom.selectors import EndpointConfig, endpoint_config, known_endpoint
from apps.wecom.services.bells import ringer
from apps.wecom.services.receiving import (
    KEEP_SQL,
    Row,
    as_document,
    bells_of,
    open_callback,
)

log = structlog.get_logger(__name__)

PREFIX = "/wecom/callback/"
MOST_AT_ONCE = 200
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Desk:
    """Where the callbacks of one process meet: while one statement is under way the next ones
    gather. It has a connection of its own, of the loop's kind: a thread that waits for PostgreSQL
    would also wait for its turn beside the loop."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._connection: AsyncConnection | None = None

    async def keep(self, row: Row) -> None:
        """Returns when the row is committed; raises what its statement raised."""
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((row, kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await kept

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _write_all(self) -> None:
        while together := self._waiting[:MOST_AT_ONCE]:
            del self._waiting[:MOST_AT_ONCE]
            rows = [row for row, _kept in together]
            try:
                await self._write(rows)
            except Exception as error:
                _tell(together, error)
            else:
                _tell(together, None)
                ringer.ask(*bells_of(rows))

    async def _write(self, rows: Sequence[Row]) -> None:
        document = as_document(rows)
        try:
            await self._run(document)
        except psycopg.OperationalError:  # it broke while nobody used it; a repeat adds nothing
            self._connection = None
            await self._run(document)

    async def _run(self, document: str) -> None:
        if self._connection is None:
            params = {**connection.get_connection_params(), "cursor_factory": None}
            self._connection = await AsyncConnection.connect(**params, autocommit=True)
        await self._connection.execute(KEEP_SQL, [document])


def _tell(together: Sequence[tuple[Row, asyncio.Future[None]]], error: Exception | None) -> None:
    for _row, kept in together:
        if kept.done():  # its sender hung up
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)


class CallbackDoor:
    """Stands before `pages` and takes posted callbacks."""

    def __init__(self, pages: App) -> None:
        self.pages = pages
        self.desk = Desk()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_posted_callback(scope):
            return await self.pages(scope, receive, send)
        slug = scope["path"][len(PREFIX) :].rstrip("/")
        try:
            endpoint = known_endpoint(slug) or await sync_to_async(_look_up)(slug)
            if endpoint is None:
                return await self.pages(scope, receive, send)
            await self.desk.keep(open_callback(endpoint, _seal(scope), await _body(scope, receive)))
        except CallbackRejected as refusal:
            await _answer(send, refusal.status, refusal.code.encode())
        except Exception as error:  # its text may quote the row
            log.error("callback_not_kept", error=type(error).__name__)
            await _answer(send, 500, b"not kept")
        else:
            await _answer(send, 200, b"")


def _look_up(slug: str) -> EndpointConfig | None:
    try:
        return endpoint_config(slug)
    finally:
        connection.close()  # this thread's; nobody would close it


def _is_posted_callback(scope: Scope) -> bool:
    is_post = scope["type"] == "http" and scope["method"] == "POST"
    return is_post and scope["path"].startswith(PREFIX)


def _seal(scope: Scope) -> Seal:
    query = scope["query_string"].decode("latin-1")
    return Seal.from_query(dict(parse_qsl(query, keep_blank_values=True)))


async def _body(scope: Scope, receive: Receive) -> bytes:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if not length.isdigit():
        raise CallbackRejected("Not a length.")
    # refused by its announced length, before a byte of it is read
    if int(length) > MAX_BODY_BYTES:
        raise CallbackTooLarge("Larger than 1 MB.")
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:  # one that announced no length
            raise CallbackTooLarge("Larger than 1 MB.")
    return body


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
