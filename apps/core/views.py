"""Two doors for machines: is the process up, and may traffic come."""

from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.core import partitions
from apps.core.access import public


@public
@never_cache
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"ok": True})


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        return "recovering" if cursor.fetchone()[0] else ""


def _cache() -> str:
    cache.set("readyz", "1", 10)
    return "" if cache.get("readyz") == "1" else "does not keep what it is given"


def _partitions() -> str:
    missing = partitions.missing_months(timezone.now())
    return f"missing: {', '.join(missing)}" if missing else ""


def _problem(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # a reason, too; its text may hold addresses
        return type(error).__name__


@public
@never_cache
@require_GET
def readyz(request: HttpRequest) -> JsonResponse:
    """503 with reasons while the database, the cache or next month's partitions are not there."""
    checks = {"database": _database, "cache": _cache, "partitions": _partitions}
    reasons = {name: problem for name, check in checks.items() if (problem := _problem(check))}
    return JsonResponse({"ok": not reasons, "reasons": reasons}, status=503 if reasons else 200)
