"""Pictures of attachments on their way to WeCom, which keeps each for three days.

An upload does nothing to anybody: two workers who upload the same picture leave a copy that ends
by itself. So no lease is needed here; the send's own lease goes on meanwhile.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.core import pictures
from apps.core.wake import wake
from apps.outreach import attachments
from apps.outreach.models import Attachment, MediaUpload
from apps.wecom.client import WeComClient, client_for
from apps.wecom.errors import NoAnswer, NotNow, TokenExpired, Unreachable, WeComError
from apps.wecom.models import Corp
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import AttachmentScene, MediaKind

log = structlog.get_logger(__name__)

JOB = "outreach.keep_pictures"
CODES_JOB = "contact_codes.keep_pictures"  # codes have pictures of their own
# pictures of scripts in use are uploaded anew this long before they end, so that no guide waits
AHEAD = timedelta(hours=26)


class PictureGone(WeComError):
    """Head office's picture is no longer in our keeping: that send cannot go out."""

    code = "picture_gone"
    message = _("A picture of this message is gone. Choose it again in the script.")


class PictureNotThere(WeComError):
    """WeCom has this picture not yet, or no more, and there was no time to bring it."""

    code = "picture_not_there"
    message = _("The picture of this message is not at WeCom yet.")
    retryable = True


class LeaseLost(Exception):
    """Another worker has the row by now."""


def attached(
    *, mine: QuerySet[Any], run: Round, seconds: int, for_moments: bool = False
) -> list[dict[str, Any]]:
    """The attachments of the one row in `mine`, as WeCom takes them; what WeCom has no more of is
    uploaded. Not in a transaction. Raises LeaseLost, WeComError.

    `mine` finds the row (`corp_id`, `attachments`) while its lease is ours; the lease goes on for
    `seconds` from each upload.
    """
    corp_id, pieces = mine.values_list("corp_id", "attachments").first() or ("", [])
    files = attachments.files_of(pieces)
    if not files:
        return attachments.for_wecom(pieces, {})

    def go_on() -> None:
        if not mine.update(lease_until=run.moment() + timedelta(seconds=seconds)):
            raise LeaseLost

    known = bring(
        files=files,
        corp_id=corp_id,
        client=run.client(corp_id),
        at=run.moment(),
        before_each=go_on,
        for_moments=for_moments,
    )
    return attachments.for_wecom(pieces, known)


def bring(
    *,
    files: Iterable[str],
    corp_id: str,
    client: WeComClient,
    at: datetime,
    before_each: Callable[[], None] = lambda: None,
    for_moments: bool = False,
) -> dict[str, str]:
    """File → the id under which WeCom has it, after what was missing was uploaded. Raises
    WeComError. Not in a transaction.

    `before_each` runs before every upload; what it raises ends the whole.
    """
    files = list(files)
    alive = MediaUpload.objects.alive(at).of(for_moments=for_moments)
    found = alive.filter(corp_id=corp_id, file__in=files)
    media = dict(found.values_list("file", "media_id"))
    for file in files:
        if file not in media:
            before_each()
            media[file] = _upload(file, corp_id, client, for_moments=for_moments)
    return media


def lying(*, wanted: Collection[tuple[str, str]], at: datetime) -> dict[tuple[str, str], str]:
    """Corp and file → the id under which WeCom has it now; nothing is uploaded. One query."""
    corps, files = {corp for corp, _file in wanted}, {file for _corp, file in wanted}
    alive = MediaUpload.objects.alive(at).of().filter(corp_id__in=corps, file__in=files)
    found = alive.values_list("corp_id", "file", "media_id")
    return {(corp, file): media_id for corp, file, media_id in found if (corp, file) in wanted}


def _upload(file: str, corp_id: str, client: WeComClient, *, for_moments: bool = False) -> str:
    try:
        content = default_storage.open(file, "rb")
    except OSError:
        raise PictureGone("media/upload") from None
    with content:
        what: dict[str, Any] = {
            "kind": MediaKind.IMAGE,
            "name": file.rpartition("/")[2],
            "content": content,
            "type_": pictures.media_type(file),
        }
        if for_moments:
            found = client.upload_attachment(scene=AttachmentScene.MOMENTS, **what)
        else:
            found = client.upload(**what)
    MediaUpload.objects.update_or_create(
        corp_id=corp_id,
        file=file,
        for_moments=for_moments,
        defaults={"media_id": found.media_id, "expires_at": found.expires_at},
    )
    return found.media_id


def forget(*, files: Iterable[str], corp_id: str) -> None:
    """WeCom does not know these ids, whatever we thought: the next send uploads them anew."""
    MediaUpload.objects.filter(corp_id=corp_id, file__in=list(files)).delete()


def ask_to_keep() -> None:
    """A script's pictures changed: have them at WeCom soon."""
    wake(JOB)


def ask_to_keep_all() -> None:
    """A picture of a script or of a code was missing when it was needed."""
    wake(JOB)
    wake(CODES_JOB)


def keep_pictures(*, now: datetime) -> int:
    """Every picture of a script in use lies at every corp, long enough for a day; return how many
    were uploaded."""
    in_use = Attachment.objects.filter(script__is_active=True).exclude(picture="")
    return keep(files=list(in_use.values_list("picture", flat=True)), now=now)


def keep(*, files: Iterable[str], now: datetime) -> int:
    """These pictures lie at every corp, long enough for a day; return how many were uploaded. A
    corp that cannot be reached is asked again at the next bell."""
    files = list(dict.fromkeys(files))
    if not files:
        return 0
    uploaded = 0
    for corp in Corp.objects.filter(is_active=True):
        kept = MediaUpload.objects.alive(now + AHEAD).of().filter(corp_id=corp.corp_id)
        missing = set(files) - set(kept.filter(file__in=files).values_list("file", flat=True))
        uploaded += _keep_at(corp, sorted(missing)) if missing else 0
    MediaUpload.objects.filter(expires_at__lte=now).delete()
    return uploaded


def _keep_at(corp: Corp, files: Iterable[str]) -> int:
    """A picture that cannot go up stops no other; a corp that takes none now is left for the next
    bell."""
    uploaded = 0
    try:
        client = client_for(corp)
    except WeComError as error:
        log.warning("pictures_not_uploaded", corp_id=corp.corp_id, error=error.code)
        return 0
    for file in files:
        try:
            _upload(file, corp.corp_id, client)
        except (NotNow, Unreachable, NoAnswer, TokenExpired) as error:
            log.warning("pictures_not_uploaded", corp_id=corp.corp_id, error=error.code)
            break
        except WeComError as error:
            log.warning("picture_not_uploaded", file=file, error=error.code)
        else:
            uploaded += 1
    return uploaded
