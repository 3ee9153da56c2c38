"""What every request passes: its words, its language, a session that belongs to one audience, and
a content policy on the answer."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from csp.constants import HEADER, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.utils import build_policy
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation

# Unfold's Alpine evaluates expressions and sets styles
ADMIN_PREFIX = "/admin/"
# the API page's viewer sets styles
API_DOCS_PREFIX = "/api/v1/docs/"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def strict_policy() -> dict[str, Any]:
    """The policy of every page: own files, WeCom's script, no inline code, no strangers' frames."""
    return {
        "default-src": [SELF],
        "script-src": [SELF, _origin(settings.WECOM_JSSDK_URL)],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        # a form whose session ran out is sent on to sign in at WeCom
        "form-action": [SELF, _origin(settings.WECOM_OAUTH_BASE)],
        "frame-ancestors": [SELF, *settings.FRAME_ANCESTORS],
    }


# what a package needs beyond it, by the kind of answer
_LOOSENED: dict[str, dict[str, list[str]]] = {
    "page": {},
    "admin": {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]},
    "api docs": {"style-src": [SELF, UNSAFE_INLINE]},
    # a picture opened by itself: the browser's own frame around it sets styles
    "picture": {"style-src": [SELF, UNSAFE_INLINE]},
}


def _kind(request: HttpRequest, response: HttpResponseBase) -> str:
    if request.path.startswith(ADMIN_PREFIX):
        return "admin"
    if request.path.startswith(API_DOCS_PREFIX):
        return "api docs"
    is_picture = response.headers.get("Content-Type", "").startswith("image/")
    return "picture" if is_picture else "page"


@lru_cache
def _header(kind: str, _addresses: tuple[str, ...]) -> str:
    """The policy of a kind of answer, written once as long as the addresses in it stay the same."""
    return build_policy(strict_policy() | _LOOSENED[kind])


class ContentPolicyMiddleware:
    """Our policy in django-csp's words, loosened only where a package needs it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        addresses = (settings.WECOM_JSSDK_URL, settings.WECOM_OAUTH_BASE, *settings.FRAME_ANCESTORS)
        response.headers.setdefault(HEADER, _header(_kind(request, response), addresses))
        return response


class LanguageMiddleware:
    """Every page is in the language of the settings. Said once for a request: else each word of a
    page first looks for a language that nobody chose, which takes as long as the word."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        translation.activate(settings.LANGUAGE_CODE)
        return self.get_response(request)


class PlainTextMiddleware:
    """No column of the database holds a zero byte and no browser sends one: whoever does is told
    so at the door, once for all pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        for values in (request.GET, request.POST):
            if any("\0" in value for _name, found in values.lists() for value in found):
                raise BadRequest("A zero byte in a form or an address.")


class AudienceSessionMiddleware(SessionMiddleware):
    """One cookie per audience (AUDIENCE_SESSION_COOKIES: path prefix → name).

    In the demo head office, a guide and a customer sit in one browser; at a till a manager may too.
    With one cookie the guide's silent sign-in would sign head office out.
    """

    def _cookie(self, path: str) -> str | None:
        for prefix, name in settings.AUDIENCE_SESSION_COOKIES.items():
            if path.startswith(prefix):
                return name
        return None

    def process_request(self, request: HttpRequest) -> None:
        name = self._cookie(request.path)
        if name:
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
            if name in request.COOKIES:
                request.COOKIES[settings.SESSION_COOKIE_NAME] = request.COOKIES[name]
        super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        answer = super().process_response(request, response)
        name = self._cookie(request.path)
        if name and settings.SESSION_COOKIE_NAME in answer.cookies:
            morsel = answer.cookies.pop(settings.SESSION_COOKIE_NAME)
            answer.cookies[name] = morsel.value
            for attribute, value in morsel.items():
                if value:
                    answer.cookies[name][attribute] = value
        return answer
