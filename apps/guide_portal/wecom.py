"""What pages need of WeCom's JS-SDK."""

from typing import Any

from django.conf import settings
from django.db.models import CharField, QuerySet

from apps.accounts.actor import Actor
from apps.core.compiled import Compiled, Place
from apps.wecom.models import CorpApp


def _app_of_corp() -> QuerySet[Any, Any]:
    apps = CorpApp.objects.filter(
        corp__corp_id=Place("corp", CharField()),
        corp__is_active=True,
        kind=CorpApp.Kind.CUSTOMER_CONTACT,
    )
    return apps.order_by("pk").values_list("corp__corp_id", "agent_id")[:1]


_APP_OF_CORP = Compiled(_app_of_corp)


def sdk_context(actor: Actor) -> dict[str, Any]:
    """Where the SDK is and who we are to this guide's WeCom, in one query; without a connected corp
    it goes without."""
    found = _APP_OF_CORP.tuples(corp=actor.corp_id)
    corp = {"corp_id": found[0][0], "agent_id": found[0][1]} if found else None
    return {"jssdk_url": settings.WECOM_JSSDK_URL, "corp": corp}
