"""Where a request comes from."""

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Where the caller calls from, as the own proxy says."""
    if settings.CLIENT_IP_HEADER:
        told = request.headers.get(settings.CLIENT_IP_HEADER, "").rsplit(",", 1)[-1].strip()
        if told:
            return told
    return request.META.get("REMOTE_ADDR", "")
