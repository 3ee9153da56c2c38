"""The table of calls, who may make them, and the checks they share."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..errors import ApiError
from ..host import Host
from ..world import Row, World

CURSOR_LIFE_S = 3600


class Needs(Enum):
    """What a token must be good for."""

    NOTHING = "nothing"
    TOKEN = "token"
    AGENT = "agent"
    CUSTOMERS = "customers"


@dataclass
class Call:
    """One call as its handler sees it."""

    host: Host
    path: str
    query: dict[str, str]
    body: Row
    now: float
    files: dict[str, Any] = field(default_factory=dict)
    ip: str = "127.0.0.1"
    app: str = ""  # agent id as text, or "contacts"
    token: str = ""
    effect: Row | None = None

    @property
    def world(self) -> World:
        return self.host.world

    @property
    def agent(self) -> Row:
        agent: Row = self.world.corp["agents"].get(self.app, {})
        return agent

    def visible_users(self) -> set[str]:
        """Members in the app's visible range who still work here."""
        return self.host.visible.members(self.agent)

    def sees(self, userid: str) -> bool:
        """One member in the range, without building the whole of it."""
        return self.host.visible.sees(self.agent, userid)

    def sees_department(self, ident: str) -> bool:
        return self.host.visible.sees_department(self.agent, ident)

    def user(self, userid: str, *, errcode: int = 60111) -> Row:
        """The member by id, any case, if this app may see them."""
        real = self.world.user_names.get(userid.lower())
        if real is None or not self.sees(real):
            raise ApiError(errcode)
        return self.world.users[real]

    def follow(self, userid: str, external_userid: str) -> Row:
        """The friendship between a visible member and a customer."""
        user = self.user(userid)
        if external_userid not in self.world.customers:
            raise ApiError(40096)
        follow = self.world.follows.get(external_userid, {}).get(user["userid"])
        if follow is None or follow.get("half"):
            raise ApiError(84061)
        return follow


Handler = Callable[[Call], Row]


@dataclass(frozen=True)
class Endpoint:
    handler: Handler
    needs: Needs
    writes: bool


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(
    *paths: str, needs: Needs = Needs.TOKEN, writes: bool = False
) -> Callable[[Handler], Handler]:
    """Put a handler into the table under its paths (without `/cgi-bin/`)."""

    def register(handler: Handler) -> Handler:
        for path in paths:
            ENDPOINTS[path] = Endpoint(handler=handler, needs=needs, writes=writes)
        return handler

    return register


def descendants(world: World, root: str) -> list[str]:
    """A department and everything under it."""
    return world.department_tree(root)


def text(body: Row, name: str, *, empty: int = 40063, most: int | None = None) -> str:
    """A required text; 40058 when it is not one or too long."""
    value = body.get(name)
    if value in (None, ""):
        raise ApiError(empty)
    if not isinstance(value, str) or (most is not None and len(value) > most):
        raise ApiError(40058)
    return value


def optional_text(body: Row, name: str, *, most: int | None = None) -> str:
    return text(body, name, most=most) if body.get(name) not in (None, "") else ""


def texts(body: Row, name: str, *, most: int, too_many: int = 40035) -> list[str]:
    """An optional list of texts."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError(40035)
    if len(value) > most:
        raise ApiError(too_many)
    return value


def number(body: Row, name: str, default: int) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ApiError(40058)
    try:
        return int(value)
    except ValueError as error:
        raise ApiError(40058) from error


def page_size(body: Row, *, default: int, most: int, over: int | None = None) -> int:
    """Over the maximum (or none at all) becomes the default, unless the call says otherwise."""
    asked = number(body, "limit", default)
    if asked <= 0:
        return default
    if asked > most:
        return over if over is not None else default
    return asked


def read_cursor(cursor: object, *, now: float, scope: str) -> int:
    """The position an earlier page left, or 0. Foreign or old cursors are refused."""
    if cursor in (None, ""):
        return 0
    if not isinstance(cursor, str):
        raise ApiError(40058)
    try:
        data = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        position, made, made_for = int(data["p"]), float(data["t"]), data["s"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise ApiError(40058) from error
    if made_for != scope or not 0 <= now - made <= CURSOR_LIFE_S:
        raise ApiError(40058)
    return position


def make_cursor(position: int, *, now: float, scope: str) -> str:
    data = json.dumps({"p": position, "t": round(now, 3), "s": scope})
    return base64.urlsafe_b64encode(data.encode()).decode()


def page(call: Call, items: Sequence[Row], *, size: int, scope: str) -> tuple[list[Row], str]:
    """One page of a list that only grows at its end, and the cursor of the next."""
    start = read_cursor(call.body.get("cursor"), now=call.now, scope=scope)
    part = list(items[start : start + size])
    more = start + size < len(items)
    return part, make_cursor(start + size, now=call.now, scope=scope) if more else ""


ATTACHMENT_KINDS = {"image", "link", "miniprogram", "video", "file"}


def attachments(call: Call, *, scene: str = "") -> list[Row]:
    """At most nine, each with its own object under the name of its type; media uploaded for
    another `scene` are refused."""
    items = call.body.get("attachments") or []
    if not isinstance(items, list):
        raise ApiError(40058)
    if len(items) > 9:
        raise ApiError(41064)
    for item in items:
        kind = item.get("msgtype") if isinstance(item, dict) else None
        if kind not in ATTACHMENT_KINDS:
            raise ApiError(41065)
        if not isinstance(item.get(kind), dict):
            raise ApiError(40058)
        _check_attachment(call, kind, item[kind], scene)
    return items


LINK_BYTES = {"title": 128, "url": 2048, "desc": 512, "picurl": 2048}


def _check_attachment(call: Call, kind: str, inner: Row, scene: str) -> None:
    if kind == "link":
        text(inner, "title"), text(inner, "url")
        if any(len(str(inner.get(name) or "").encode()) > n for name, n in LINK_BYTES.items()):
            raise ApiError(40058)
        if scene == "moment":  # its cover is an upload, and nothing else of it is shown
            check_media(call, str(inner.get("media_id") or ""), "image", scene)
        return
    if kind == "miniprogram":
        for name in ("title", "appid", "page"):
            text(inner, name)
        if len(inner["title"].encode()) > 64:
            raise ApiError(40058)
    media_id = inner.get("pic_media_id" if kind == "miniprogram" else "media_id")
    if kind == "image" and not media_id and inner.get("pic_url"):
        return
    check_media(call, media_id or "", "image" if kind == "miniprogram" else kind, scene)


def check_media(call: Call, media_id: str, kind: str, scene: str) -> None:
    """Alive, of this kind, and uploaded for this use."""
    known = call.world.media.get(media_id)
    if known is None or known["created_at"] < call.now - 3 * 86400 or known["kind"] != kind:
        raise ApiError(40007)
    if known.get("scene", "") != scene:
        raise ApiError(41072 if known.get("scene") else 40007)


def message_text(call: Call, *, most_bytes: int = 4000) -> str:
    """`text.content`, empty when there is none."""
    block = call.body.get("text") or {}
    content = block.get("content", "") if isinstance(block, dict) else None
    if not isinstance(content, str) or len(content.encode()) > most_bytes:
        raise ApiError(40058)
    return content
