"""Who asks: the actor that the middleware puts on every request."""

from typing import cast

from django.http import HttpRequest

from apps.accounts.actor import Actor


class ActorRequest(HttpRequest):
    """A request as the middleware leaves it."""

    actor: Actor


def actor_of(request: HttpRequest) -> Actor:
    return cast(ActorRequest, request).actor
