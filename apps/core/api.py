"""The API's common shape: errors, pages, the base view."""

from typing import Any

from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from apps.core.errors import DomainError


def error_body(code: str, message: str, detail: Any = None) -> dict[str, Any]:
    """`{"error": {"code", "message", "detail"}}`: the same for every refusal."""
    return {"error": {"code": code, "message": message, "detail": detail}}


def _parts(error: Exception, response: Response) -> tuple[str, str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return "invalid", str(exceptions.ValidationError.default_detail), response.data
    if isinstance(error, exceptions.APIException):
        detail = error.detail
        return str(getattr(detail, "code", error.default_code)), str(detail), None
    code = "not_found" if isinstance(error, Http404) else "permission_denied"
    return code, str(response.data.get("detail", "")), None


def handle_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: one shape, and a DomainError is a 400 with its own code."""
    if isinstance(error, DomainError):
        return Response(error_body(error.code, str(error)), status=status.HTTP_400_BAD_REQUEST)
    response = exception_handler(error, context)
    if response is not None:
        response.data = error_body(*_parts(error, response))
    return response


class Pagination(CursorPagination):
    """Pages after a cursor: no count over millions, no page that shifts under the reader."""

    ordering = "pk"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500


class ApiView(APIView):
    """Base of the API's views; authentication and rights are named by each."""
