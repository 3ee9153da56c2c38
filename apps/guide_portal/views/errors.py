"""A form whose session ran out."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.views.csrf import csrf_failure as django_page

from apps.guide_portal.views.base import referring_page, sign_in_address


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """A guide's phone signs in again, silently; elsewhere Django's own page."""
    if request.path.startswith("/g/") and request.content_type == "application/json":
        return JsonResponse({"token": "old"}, status=403)
    if request.path.startswith("/g/"):
        return redirect(sign_in_address(referring_page(request)))
    if request.path.startswith("/m/"):
        # a customer's session ran out: the invitation opens again, all else asks to sign in
        return redirect(request.path if request.path.startswith("/m/join/") else "/m/")
    return django_page(request, reason=reason)
