"""Which corp, and which of its apps, a call is made for."""

from apps.wecom.errors import CorpNotConfigured
from apps.wecom.models import Corp, CorpApp


def default_corp() -> Corp:
    """The active corp that was connected first."""
    corp = Corp.objects.filter(is_active=True).order_by("pk").first()
    if corp is None:
        raise CorpNotConfigured()
    return corp


def customer_contact_app(corp: Corp) -> CorpApp:
    app = corp.apps.filter(kind=CorpApp.Kind.CUSTOMER_CONTACT).order_by("pk").first()
    if app is None:
        raise CorpNotConfigured()
    return app
