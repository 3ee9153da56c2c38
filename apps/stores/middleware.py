"""Puts the actor on the request: built at most once, and only when somebody asks."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from apps.accounts.actor import NOBODY, Actor
from apps.accounts.requests import ActorRequest
from apps.core import clock
from apps.stores.selectors import actor_for


def _build(request: HttpRequest) -> Actor:
    if not request.user.is_authenticated:
        return NOBODY
    return actor_for(user=request.user, now=clock.now())


class ActorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        cast(ActorRequest, request).actor = cast(Actor, SimpleLazyObject(lambda: _build(request)))
        return self.get_response(request)
