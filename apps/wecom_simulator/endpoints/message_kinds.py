"""What an app message may hold besides a template card: checked, and cut where WeCom cuts."""

from urllib.parse import urlparse

from ..errors import ApiError
from ..world import Row
from .base import Call, check_media, text

MOST_TEXT, MOST_TITLE, MOST_WORDS, MOST_URL = 2048, 128, 512, 2048
MOST_ARTICLES = 8


def _cut(words: str, most: int) -> str:
    return words.encode()[:most].decode(errors="ignore")


def plain(call: Call, block: Row) -> Row:
    """text and markdown"""
    return {"content": _cut(text(block, "content", empty=44004), MOST_TEXT)}


def textcard(call: Call, block: Row) -> Row:
    title, description = text(block, "title")[:MOST_TITLE], text(block, "description")[:MOST_WORDS]
    button = block.get("btntxt") or "详情"
    url = _url(text(block, "url"))
    return {"title": title, "description": description, "url": url, "btntxt": str(button)[:4]}


def _url(url: str) -> str:
    if len(url.encode()) > MOST_URL or urlparse(url).scheme not in ("http", "https"):
        raise ApiError(40058)
    return url


def media(call: Call, block: Row) -> Row:
    """image, voice, video, file: by media_id of that kind"""
    kind = str(call.body["msgtype"])
    check_media(call, text(block, "media_id", empty=40007), kind, "")
    inner = {"media_id": block["media_id"], "title": _cut(str(block.get("title") or ""), 128)}
    return {"content": "", "attachments": [{"msgtype": kind, kind: inner}]}


def news(call: Call, block: Row) -> Row:
    """One to eight articles; the first is what the phone shows large."""
    articles = block.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= MOST_ARTICLES:
        raise ApiError(40035)
    shown = []
    for item in articles:
        if not isinstance(item, dict):
            raise ApiError(40035)
        link = {
            "title": _cut(text(item, "title"), MOST_TITLE),
            "desc": _cut(str(item.get("description") or ""), MOST_WORDS),
            "url": "" if item.get("appid") else _url(text(item, "url")),
        }
        shown.append({"msgtype": "link", "link": link})
    return {"content": "", "attachments": shown}


BUILDERS = {
    "text": plain, "markdown": plain, "textcard": textcard, "news": news, "image": media,
    "voice": media, "video": media, "file": media,
}  # fmt: skip
