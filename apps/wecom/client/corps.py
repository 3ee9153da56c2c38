"""Which corp, and which of its apps, a call is made for."""

from apps.wecom.errors import CorpNotConfigured, CorpNotConnected, CorpNotNamed
from apps.wecom.models import Corp, CorpApp


def default_corp() -> Corp:
    """The active corp that was connected first."""
    corp = Corp.objects.filter(is_active=True).order_by("pk").first()
    if corp is None:
        raise CorpNotConfigured()
    return corp


def corp_at_door(named: str) -> Corp:
    """The active corp that an address of ours is for; where there is only one, none is named.

    Raises CorpNotConfigured, CorpNotConnected for a corp that is not (or no more) ours, and
    CorpNotNamed where there are several to choose from.
    """
    active = Corp.objects.filter(is_active=True).order_by("pk")
    found = list(active.filter(corp_id=named) if named else active[:2])
    if len(found) > 1:
        raise CorpNotNamed()
    if not found:
        raise CorpNotConnected() if named else CorpNotConfigured()
    return found[0]


def customer_contact_app(corp: Corp) -> CorpApp:
    app = corp.apps.filter(kind=CorpApp.Kind.CUSTOMER_CONTACT).order_by("pk").first()
    if app is None:
        raise CorpNotConfigured()
    return app
