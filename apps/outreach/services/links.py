"""Taps on tracked links. Identified by WeCom they are proof, otherwise they only count."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from apps.core.wake import wake
from apps.members.models import MemberIdentity
from apps.members.selectors import find_by_identity
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


def link_path(code: str) -> str:
    """Where a tracked link lives on our host."""
    return reverse("outreach:link", args=[code])


def link_address(code: str) -> str:
    """The absolute address of a tracked link."""
    return f"{settings.PUBLIC_BASE_URL}{link_path(code)}"


def card_addresses(pieces: Sequence[Piece]) -> list[str]:
    """The pages outside that links beside a message lead to, each once."""
    return list(dict.fromkeys(piece["url"] for piece in pieces if piece["kind"] == "link"))


def with_codes(pieces: Sequence[Piece], *, code: str, cards: Mapping[str, str]) -> list[Piece]:
    """The pieces of a message: a link leads through the tracked one of `cards` for its page; a mini
    program's page is opened with `code`, as a page outside is, and its shop sends it back in the
    same way."""
    return [_with_code(piece, code, cards) for piece in pieces]


def _with_code(piece: Piece, code: str, cards: Mapping[str, str]) -> Piece:
    if piece["kind"] == "miniprogram":
        return {**piece, "page": shop_address(piece["page"], code)}
    if piece["kind"] == "link":
        return {**piece, "url": link_address(cards[piece["url"]])}
    return piece


# a tap may come before WeCom has said that the message went out
_MAY_HAVE_IT = (DispatchRecipient.State.WAITING, DispatchRecipient.State.DELIVERED)


@transaction.atomic
def record_click(*, code: str, external_userid: str | None, now: datetime) -> str:
    """Note one tap and return the address of the page behind the link.

    A customer to whom this very send went makes it proof, of a link that no send carried whoever
    is known; anybody else (a forwarded message, also to somebody whom the send left out) counts as
    anonymous. Raises TrackedLink.DoesNotExist.
    """
    link = TrackedLink.objects.select_related("asset", "guide").get(code=code)
    recipient = member = None
    if external_userid and link.dispatch_id is not None:
        recipient = DispatchRecipient.objects.filter(
            dispatch_id=link.dispatch_id,
            external_userid=external_userid,
            state__in=_MAY_HAVE_IT,
        ).first()
    elif external_userid and (corp_id := link.guide.corp_id if link.guide else link.corp_id):
        kind = MemberIdentity.Kind.EXTERNAL_USERID
        member = find_by_identity(kind, corp_id, external_userid)
    LinkClick.objects.create(link=link, recipient=recipient, member=member, clicked_at=now)
    if recipient is not None or member is not None:
        wake(CLICK_JOB)
    if link.page:
        return link.page
    outside = link.address or (link.asset.url if link.asset is not None else "")
    return shop_address(outside, code) if outside else reverse("outreach:content", args=[code])


@transaction.atomic
def take_identified_clicks(*, now: datetime, limit: int) -> list[LinkClick]:
    """Identified taps nobody has counted yet, marked as counted in the caller's transaction, which
    tells of whoever tapped: the row itself knows it no more."""
    clicks = list(
        LinkClick.objects.filter(handled_at=None)
        .filter(Q(recipient__isnull=False) | Q(member__isnull=False))
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("recipient__dispatch", "link")
        .order_by("pk")[:limit]
    )
    LinkClick.objects.filter(pk__in=[click.pk for click in clicks]).update(
        handled_at=now, member=None
    )
    return clicks


def _code_of(*what: object) -> str:
    """The same for the same guide and page, and not to be guessed."""
    text = "|".join(str(part) for part in what)
    seal = hmac.digest(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(seal[:9]).decode()


def _keep(wanted: Sequence[TrackedLink]) -> dict[str, TrackedLink]:
    """These links by code, made once. One statement writes, and nearly always there is nothing to
    write: no transaction of its own."""
    links = TrackedLink.objects.filter(code__in=[link.code for link in wanted])
    found = {link.code: link for link in links}
    if len(found) < len(wanted):
        missing = [link for link in wanted if link.code not in found]
        TrackedLink.objects.bulk_create(missing, ignore_conflicts=True, batch_size=1_000)
        found = {link.code: link for link in links.all()}
    return found


def share_links(*, guide_id: int, asset_ids: Sequence[int]) -> dict[int, TrackedLink]:
    """A link of this guide's own for each page, made once: whoever opens it sees whose it is."""
    wanted = {
        asset_id: TrackedLink(
            code=_code_of("outreach.share", guide_id, asset_id),
            asset_id=asset_id,
            guide_id=guide_id,
            source=f"guide_share:{guide_id}",
        )
        for asset_id in dict.fromkeys(asset_ids)
    }
    found = _keep(list(wanted.values()))
    return {asset_id: found[link.code] for asset_id, link in wanted.items()}


def guide_pieces(
    *, pieces: Sequence[Piece], guide_ids: Sequence[int], source: str
) -> dict[int, list[Piece]]:
    """The pieces as each of these guides passes them on by another way than a send of ours, into a
    chat or into groups: a tap and an order are known to have come by this guide, for this source.
    Made once, however often they are asked for."""
    addresses = _addresses(pieces)
    links = {
        (guide_id, address): TrackedLink(
            code=_code_of("outreach.piece", guide_id, source, address),
            guide_id=guide_id,
            source=source,
            address=address,
        )
        for guide_id in dict.fromkeys(guide_ids)
        for address in addresses
    }
    if links:
        _keep(list(links.values()))
    codes = {key: link.code for key, link in links.items()}
    return {
        guide_id: with_codes(
            pieces,
            code=codes.get((guide_id, ""), ""),
            cards={address: codes[guide_id, address] for address in addresses},
        )
        for guide_id in guide_ids
    }


def shared_pieces(*, pieces: Sequence[Piece], corp_id: str, source: str) -> list[Piece]:
    """The pieces of what many guides show to everybody under one text: a tap and an order are known
    to have come by it, by which guide is not. Made once, however often they are asked for."""
    links = {
        address: TrackedLink(
            code=_code_of("outreach.shared", corp_id, source, address),
            corp_id=corp_id,
            source=source,
            address=address,
        )
        for address in _addresses(pieces)
    }
    if links:
        _keep(list(links.values()))
    codes = {address: link.code for address, link in links.items()}
    return with_codes(pieces, code=codes.get("", ""), cards=codes)


def _addresses(pieces: Sequence[Piece]) -> list[str]:
    """What the pieces lead to; "" where a code alone stands, because there is no page that we could
    lead to."""
    mini = any(piece["kind"] == "miniprogram" for piece in pieces)
    return [*card_addresses(pieces), *([""] if mini else [])]
