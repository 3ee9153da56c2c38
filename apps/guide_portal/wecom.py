"""What pages need of WeCom's JS-SDK."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from apps.core.compiled import Compiled
from apps.wecom.models import Corp, CorpApp


def _first_app() -> QuerySet[Any, Any]:
    first = Corp.objects.filter(is_active=True).order_by("pk").values("pk")[:1]
    apps = CorpApp.objects.filter(corp_id=first, kind=CorpApp.Kind.CUSTOMER_CONTACT)
    return apps.order_by("pk").values_list("corp__corp_id", "agent_id")[:1]


_FIRST_APP = Compiled(_first_app)


def sdk_context() -> dict[str, Any]:
    """Where the SDK is and who we are, in one query; without a connected corp it goes without."""
    found = _FIRST_APP.tuples()
    corp = {"corp_id": found[0][0], "agent_id": found[0][1]} if found else None
    return {"jssdk_url": settings.WECOM_JSSDK_URL, "corp": corp}
