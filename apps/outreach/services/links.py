"""Taps on tracked links. Identified by WeCom they are proof, otherwise they only count."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from apps.core.wake import wake
from apps.outreach.attachments import Piece
from apps.outreach.models import DispatchRecipient, LinkClick, TrackedLink

CLICK_JOB = "guide_tasks.take_clicks"
# what the code is called in a shop's address and in the order that comes back
CODE_NAME = "link_code"


def shop_address(url: str, code: str) -> str:
    """The outside page with the link's code in its address: the shop sends the code back with the
    order, and so the order is known to have come by this link."""
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, f"{CODE_NAME}={code}"]))
    return urlunsplit(parts._replace(query=query))


def with_code(pieces: Sequence[Piece], code: str) -> list[Piece]:
    """The pieces of a send: a mini program's page is opened with the link's code as a page outside
    is, and its shop sends it back in the same way."""
    return [
        {**piece, "page": shop_address(piece["page"], code)}
        if piece["kind"] == "miniprogram"
        else piece
        for piece in pieces
    ]


@transaction.atomic
def record_click(*, code: str, external_userid: str | None, now: datetime) -> str:
    """Note one tap and return the address of the page behind the link.

    A customer to whom this very send went makes it proof; anybody else (a forwarded message) counts
    as anonymous. Raises TrackedLink.DoesNotExist.
    """
    link = TrackedLink.objects.select_related("asset").get(code=code)
    recipient = None
    if external_userid and link.dispatch_id is not None:
        recipient = DispatchRecipient.objects.filter(
            dispatch_id=link.dispatch_id, external_userid=external_userid
        ).first()
    LinkClick.objects.create(link=link, recipient=recipient, clicked_at=now)
    if recipient is not None:
        wake(CLICK_JOB)
    if link.page:
        return link.page
    if link.asset is not None and link.asset.url:
        return shop_address(link.asset.url, code)
    return reverse("outreach:content", args=[code])


@transaction.atomic
def take_identified_clicks(*, now: datetime, limit: int) -> list[LinkClick]:
    """Identified taps nobody has counted yet, marked as counted in the caller's transaction."""
    clicks = list(
        LinkClick.objects.filter(handled_at=None, recipient__isnull=False)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("recipient__dispatch")
        .order_by("pk")[:limit]
    )
    LinkClick.objects.filter(pk__in=[click.pk for click in clicks]).update(handled_at=now)
    return clicks


def _share_code(guide_id: int, asset_id: int) -> str:
    """The same for the same guide and page, and not to be guessed."""
    text = f"outreach.share|{guide_id}|{asset_id}".encode()
    seal = hmac.digest(settings.SECRET_KEY.encode(), text, hashlib.sha256)
    return base64.urlsafe_b64encode(seal[:9]).decode()


def share_links(*, guide_id: int, asset_ids: Sequence[int]) -> dict[int, TrackedLink]:
    """A link of this guide's own for each page, made once: whoever opens it sees whose it is.

    One statement writes, and nearly always there is nothing to write: no transaction of its own.
    """
    codes = {_share_code(guide_id, asset_id): asset_id for asset_id in asset_ids}
    links = TrackedLink.objects.filter(code__in=codes)
    found = {link.code: link for link in links}
    if len(found) < len(codes):
        TrackedLink.objects.bulk_create(
            [
                TrackedLink(
                    code=code,
                    asset_id=asset_id,
                    guide_id=guide_id,
                    source=f"guide_share:{guide_id}",
                )
                for code, asset_id in codes.items()
                if code not in found
            ],
            ignore_conflicts=True,
        )
        found = {link.code: link for link in links.all()}
    return {codes[code]: link for code, link in found.items()}
