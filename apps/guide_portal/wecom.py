"""What pages need of WeCom's JS-SDK."""

from typing import Any

from django.conf import settings

from apps.wecom.models import Corp, CorpApp


def sdk_context() -> dict[str, Any]:
    """Where the SDK is and who we are, in one query; without a connected corp it goes without."""
    first = Corp.objects.filter(is_active=True).order_by("pk").values("pk")[:1]
    apps = CorpApp.objects.filter(corp_id=first, kind=CorpApp.Kind.CUSTOMER_CONTACT)
    app = apps.select_related("corp").order_by("pk").first()
    corp = {"corp_id": app.corp.corp_id, "agent_id": app.agent_id} if app else None
    return {"jssdk_url": settings.WECOM_JSSDK_URL, "corp": corp}
