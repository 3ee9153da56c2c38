"""How a page of head office is opened: signed in to the admin, one capability, one look."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.accounts.capabilities import Capability
from apps.accounts.requests import actor_of
from apps.core.access import View
from apps.stores.access import requires

__all__ = ["actor_of", "hq_action", "hq_page", "show"]


def hq_page(capability: Capability) -> Callable[[View], View]:
    """A page under /admin/: anonymous goes to sign in, without the capability it is refused."""

    def decorate(view: View) -> View:
        page: Any = admin.site.admin_view(requires(capability)(view))
        page.capability = capability
        return page

    return decorate


def hq_action(capability: Capability) -> Callable[[View], View]:
    """The same for what changes something: POST only. Who comes by GET (a sign-in lay in between,
    an address was kept) is led to the page whose form it was."""

    def decorate(view: View) -> View:
        @wraps(view)
        def act(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method == "GET":
                return _lead_back(request)
            return require_POST(view)(request, *args, **kwargs)

        action: Any = hq_page(capability)(act)
        action.is_action = True
        return action

    return decorate


def _lead_back(request: HttpRequest) -> HttpResponse:
    """To the nearest page above this address, saying that nothing was done."""
    messages.warning(request, _("Nothing was changed. Please do it again from this page."))
    above = request.path.rstrip("/")
    while above := above.rpartition("/")[0]:
        try:
            found = resolve(f"{above}/")
        except Resolver404:
            continue
        if found.app_name == "hq" and not getattr(found.func, "is_action", False):
            return redirect(f"{above}/")
    return redirect("admin:index")


def show(
    request: HttpRequest, template: str, *, title: Any, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a page inside the admin's frame."""
    frame = admin.site.each_context(request)
    return TemplateResponse(
        request, template, {**frame, "title": title, **context}, status=status
    ).render()
