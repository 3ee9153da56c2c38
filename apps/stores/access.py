"""How a view says who may call it: one capability, or openly public. The URL guard test reads
both."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apps.accounts.capabilities import Capability

View = Callable[..., HttpResponseBase]


def public(view: View) -> View:
    """Mark a view that anybody may call: health, callbacks with their own proof, customers'
    links."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def requires(capability: Capability) -> Callable[[View], View]:
    """Let only an actor with the capability pass: others are sent to sign in, or refused."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return _refusal(request, capability) or view(request, *args, **kwargs)

        guarded.capability = capability  # type: ignore[attr-defined]
        return guarded

    return decorate


def _refusal(request: HttpRequest, capability: Capability) -> HttpResponse | None:
    if request.actor.can(capability):  # type: ignore[attr-defined]
        return None
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.get_full_path())


class CapabilityRequired:
    """The same for class-based views: set `capability`, or `is_public = True`."""

    capability: Capability | None = None
    is_public = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> View:
        view = super().as_view(**initkwargs)  # type: ignore[misc]
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
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
