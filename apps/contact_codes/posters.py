"""QR codes of posters. They hold our own address: what stands behind it may change, paper not."""

import io
from collections.abc import Mapping
from typing import Any

import segno
from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import reverse

from apps.contact_codes.models import ChannelCode

PNG_SCALE = 24  # about 900 pixels: sharp on A4


def address_of(code: ChannelCode) -> str:
    """What the poster's QR code says."""
    return f"{settings.PUBLIC_BASE_URL}{reverse('contact_codes:scan', args=[code.slug])}"


def _qr(code: ChannelCode) -> segno.QRCode:
    return segno.make(address_of(code), error="m", micro=False)


def qr_data(code: ChannelCode) -> str:
    """The picture in a `data:` address."""
    return _qr(code).svg_data_uri(scale=8, border=1)


def qr_file(code: ChannelCode, kind: str) -> bytes:
    """The picture as a file: `png` or `svg`, with the quiet zone that scanners need."""
    out = io.BytesIO()
    scale = PNG_SCALE if kind == "png" else 8
    _qr(code).save(out, kind=kind, scale=scale, border=4)
    return out.getvalue()


KINDS = {"png": "image/png", "svg": "image/svg+xml"}


def sheet(code: ChannelCode, asked: Mapping[str, str]) -> dict[str, Any]:
    """What the page to print shows; `?size=a5` is the small one."""
    size = "a5" if asked.get("size") == "a5" else "a4"
    return {"code": code, "size": size, "qr": qr_data(code)}


def download(code: ChannelCode, kind: str) -> HttpResponse:
    """The picture as a download, named after store and channel."""
    if kind not in KINDS:
        raise Http404
    store = f"{code.store.code}-" if code.store else ""
    name = f"{store}{code.slug}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(qr_file(code, kind), content_type=KINDS[kind], headers=headers)
