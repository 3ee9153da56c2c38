"""The page behind a poster: open to anybody, about nobody."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.contact_codes.models import ChannelCode
from apps.contact_codes.selectors import cities_of, names_of
from apps.contact_codes.services import record_scan
from apps.core import clock
from apps.core.callers import address_of
from apps.stores.access import public

SHOWN_NAMES = 3


@public
@require_safe
@never_cache
def scan(request: HttpRequest, slug: str) -> HttpResponse:
    """Count the open and show the way to somebody who is there: one code, or the stores near by."""
    found = ChannelCode.objects.filter(slug=slug).select_related("store")
    code = found.first()
    if code is None or code.stopped_at is not None:
        return _page(request, "over", status=404 if code is None else 410)
    now = clock.now()
    if request.method == "GET":
        browser = request.headers.get("User-Agent", "")
        record_scan(code=code, address=address_of(request), browser=browser, now=now)
    if code.kind == ChannelCode.Kind.NEAREST:
        return _page(request, "stores", code=code, cities=cities_of(code, now=now))
    names = sorted(names_of([code]).values()) if code.address else []
    return _page(request, "code", code=code, names=names[:SHOWN_NAMES], more=len(names) > 3)


def _page(request: HttpRequest, part: str, *, status: int = 200, **context: object) -> HttpResponse:
    context = {"part": part, **context}
    response = render(request, "contact_codes/scan.html", context, status=status)
    response.headers["X-Robots-Tag"] = "noindex"
    return response
