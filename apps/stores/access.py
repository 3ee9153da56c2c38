"""How a view says who may call it: one capability, or openly public. The URL guard test reads
both."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views import generic

from apps.accounts.capabilities import Capability
from apps.accounts.requests import actor_of
from apps.core.access import View, public

__all__ = ["CapabilityRequired", "public", "requires"]


def requires(capability: Capability) -> Callable[[View], View]:
    """Let only an actor with the capability pass: others are sent to sign in, or refused."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return _refusal(request, capability) or view(request, *args, **kwargs)

        marked: Any = guarded
        marked.capability = capability
        return guarded

    return decorate


def _refusal(request: HttpRequest, capability: Capability) -> HttpResponse | None:
    if actor_of(request).can(capability):
        return None
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.get_full_path())


class CapabilityRequired(generic.View):
    """The same for class-based views: set `capability`, or `is_public = True`."""

    capability: Capability | None = None
    is_public = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> View:
        view: Any = super().as_view(**initkwargs)
        view.capability, view.is_public = cls.capability, cls.is_public
        return view

    def no_permission(self, request: HttpRequest) -> HttpResponseBase | None:
        """What a caller without the capability gets; guide pages override it with WeCom's
        sign-in."""
        return _refusal(request, self.capability) if self.capability else None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.is_public:
            if self.capability is None:
                raise PermissionDenied
            refusal = self.no_permission(request)
            if refusal is not None:
                return refusal
        return super().dispatch(request, *args, **kwargs)
