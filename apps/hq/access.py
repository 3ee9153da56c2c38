"""How a page of head office is opened: signed in to the admin, one capability, one look."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from apps.accounts.capabilities import Capability
from apps.accounts.requests import actor_of
from apps.stores.access import View, requires

__all__ = ["actor_of", "hq_action", "hq_page", "show"]


def hq_page(capability: Capability) -> Callable[[View], View]:
    """A page under /admin/: anonymous goes to sign in, without the capability it is refused."""

    def decorate(view: View) -> View:
        page: Any = admin.site.admin_view(requires(capability)(view))
        page.capability = capability
        return page

    return decorate


def hq_action(capability: Capability) -> Callable[[View], View]:
    """The same for what changes something: POST only."""

    def decorate(view: View) -> View:
        return hq_page(capability)(require_POST(view))

    return decorate


def show(
    request: HttpRequest, template: str, *, title: Any, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a page inside the admin's frame."""
    frame = admin.site.each_context(request)
    return TemplateResponse(
        request, template, {**frame, "title": title, **context}, status=status
    ).render()
