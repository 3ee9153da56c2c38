"""The floor of `bench pages`: a Django view that says nothing, behind the product's middleware.

Served as `apps.hq.benches._empty_view:application()`; importing it changes nothing.
"""

from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [path("g/", empty)]


def application() -> Any:
    """The product's own application with this one address."""
    made = get_wsgi_application()
    settings.ROOT_URLCONF = __name__
    return made
