"""What goes out beside a message's words: its limits, and the shape WeCom wants.

A send keeps its pieces as they were when it was asked for: a change of the script changes no
message that is on its way. A piece names its picture by the kept file, which never changes: a new
picture is a new file. Only at the call the file becomes the id under which WeCom has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core import pictures
from apps.core.errors import DomainError
from apps.core.ids import uuid7

Piece = dict[str, str]

FOLDER = "attachments"
MOST = 9  # beside one message
_SALT = "hq.picture"
MAX_PICTURE_BYTES = 2 * 1024 * 1024
LINK_BYTES = {"title": 128, "summary": 512, "url": 2048, "picture_url": 2048}
MINIPROGRAM_BYTES = {"title": 64}


class TooManyAttachments(DomainError):
    code = "too_many_attachments"
    message = _("At most %(most)s attachments go with one message.")


class PictureRefused(DomainError):
    code = "picture_refused"
    message = _("This is no picture WeCom takes. Choose a JPEG or a PNG.")


class PictureTooLarge(DomainError):
    code = "picture_too_large"
    message = _("The picture is over %(limit)s MB. Make it smaller and choose it again.")


class NotForMoments(DomainError):
    code = "not_for_moments"
    message = _(
        "Moments take up to nine pictures, or one link with one picture as its cover; no mini "
        "program."
    )


class CoverMissing(DomainError):
    code = "cover_missing"
    message = _("A link in moments needs a cover: choose one picture for it.")


class PieceTooLong(DomainError):
    code = "piece_too_long"
    message = _("“%(words)s” is too long: at most %(most)s bytes (a Chinese character is 3).")


def place(instance: Any, filename: str) -> str:
    """Where a picture lies: a name of our own, another one for each picture."""
    return f"{FOLDER}/{uuid7()}.{filename.rpartition('.')[2]}"


def clean_picture(raw: bytes) -> Any:
    """The picture alone. Raises PictureRefused, PictureTooLarge."""
    if len(raw) > MAX_PICTURE_BYTES:
        raise PictureTooLarge(limit=MAX_PICTURE_BYTES // 1024 // 1024)
    try:
        return pictures.clean(raw)
    except pictures.NotAPicture:
        raise PictureRefused() from None


def keep_file(picture: File) -> str:
    """Keep a cleaned picture; its name, under which it never changes."""
    return default_storage.save(place(None, str(picture.name)), picture)


def sealed(file: str) -> str:
    """A kept picture's name for a page: only what we sealed can be asked for."""
    return signing.Signer(salt=_SALT).sign_object(file) if file else ""


def opened(text: str) -> str:
    """The picture behind a sealed name; "" where it is none of ours."""
    try:
        return str(signing.Signer(salt=_SALT).unsign_object(text)) if text else ""
    except signing.BadSignature:
        return ""


def picture(file: str) -> Piece:
    """A picture alone."""
    return {"kind": "image", "title": "", "file": file}


def link(*, title: str, summary: str, url: str) -> Piece:
    """A card that leads to a page."""
    return {"kind": "link", "title": title, "summary": summary, "url": url, "picture_url": ""}


def with_cover(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of a post: of one link and one picture the picture is the link's cover. Moments
    show no line below a link's title and no picture by its address."""
    covers = [piece["file"] for piece in pieces if piece["kind"] == "image"]
    links = [piece for piece in pieces if piece["kind"] == "link"]
    if len(pieces) != 2 or len(covers) != 1 or len(links) != 1:
        return list(pieces)
    return [{**links[0], "summary": "", "picture_url": "", "file": covers[0]}]


def cover_address(file: str) -> str:
    """Where a customer's phone finds the cover of a mini program: a name nobody can guess."""
    name, _dot, extension = file.rpartition("/")[2].partition(".")
    path = reverse("outreach:cover", args=[name, extension])
    return f"{settings.PUBLIC_BASE_URL}{path}"


def demand_few(pieces: Sequence[Piece]) -> None:
    if len(pieces) > MOST:
        raise TooManyAttachments(most=MOST)


def demand_short(pieces: Iterable[Piece]) -> None:
    """WeCom counts the bytes of links and mini programs. Raises PieceTooLong."""
    limits = {"link": LINK_BYTES, "miniprogram": MINIPROGRAM_BYTES}
    for piece in pieces:
        for name, most in limits.get(piece["kind"], {}).items():
            if len(piece[name].encode()) > most:
                raise PieceTooLong(words=piece[name][:20], most=most)


def demand_for_moments(pieces: Sequence[Piece]) -> None:
    """A post takes less than a message, and a link there brings its cover as a file. Raises
    TooManyAttachments, NotForMoments, CoverMissing."""
    demand_few(pieces)
    kinds = {piece["kind"] for piece in pieces}
    one_link = kinds == {"link"} and len(pieces) == 1
    if kinds - {"image"} and not one_link:
        raise NotForMoments()
    if one_link and not pieces[0].get("file"):
        raise CoverMissing()


def files_of(pieces: Iterable[Piece]) -> list[str]:
    """The pictures among the pieces, each once."""
    return list(dict.fromkeys(piece["file"] for piece in pieces if piece.get("file")))


def for_wecom(pieces: Iterable[Piece], media: Mapping[str, str]) -> list[dict[str, Any]]:
    """The pieces as WeCom takes them; `media` says under which id it has each picture."""
    return [_for_wecom(piece, media) for piece in pieces]


def _for_wecom(piece: Piece, media: Mapping[str, str]) -> dict[str, Any]:
    kind = piece["kind"]
    if kind == "link" and piece.get("file"):  # of a post
        inner = {"title": piece["title"], "url": piece["url"], "media_id": media[piece["file"]]}
    elif kind == "link":
        inner = {"title": piece["title"], "desc": piece["summary"], "url": piece["url"]}
        if piece["picture_url"]:
            inner["picurl"] = piece["picture_url"]
    elif kind == "image":
        inner = {"media_id": media[piece["file"]]}
    else:
        inner = {
            "title": piece["title"],
            "appid": piece["appid"],
            "page": piece["page"],
            "pic_media_id": media[piece["file"]],
        }
    return {"msgtype": kind, kind: inner}
