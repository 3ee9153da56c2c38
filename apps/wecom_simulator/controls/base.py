"""The door of `/sim/…`: JSON in and out, loopback only, refusals with a sentence."""

import ipaddress
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from ..actions import ActionError
from ..host import Host, current
from ..world import Row

Answer = Callable[[Host, Row], Any]
View = Callable[..., HttpResponse]


def is_loopback(request: HttpRequest) -> bool:
    return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "0.0.0.0")).is_loopback


def json_answer(data: Any, *, status: int = 200) -> JsonResponse:
    return JsonResponse(data, status=status, safe=False, json_dumps_params={"ensure_ascii": False})


def control(*methods: str) -> Callable[[Callable[..., Any]], View]:
    """A control endpoint: JSON in and out, refusals as 400 with a sentence."""

    def decorate(function: Callable[..., Any]) -> View:
        @wraps(function)
        def view(request: HttpRequest, **kwargs: str) -> HttpResponse:
            if not is_loopback(request):
                return json_answer({"error": "Only from this machine."}, status=403)
            if request.method not in methods:
                return json_answer({"error": f"Use {' or '.join(methods)}."}, status=405)
            try:
                data = json.loads(request.body) if request.body else {}
                if request.method == "GET":
                    data = {name: request.GET[name] for name in request.GET}
                return json_answer(function(current(), data, **kwargs))
            except (ActionError, ValueError, KeyError, TypeError) as error:
                said = str(error) if isinstance(error, ActionError) else f"Bad request: {error!r}"
                return json_answer({"error": said}, status=400)

        return view

    return decorate


def action(function: Answer) -> View:
    """A control endpoint that is one action."""
    return control("POST")(function)
