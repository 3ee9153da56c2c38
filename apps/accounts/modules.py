"""Parts of the product that a chain may leave out: decided here, by MODULES_OFF, and nowhere else.

A module that is off has no menu entry, and its addresses answer 404. What exists already is kept.
"""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import TextChoices
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class Module(TextChoices):
    MOMENTS = "moments", _("moments posts")
    RECRUIT = "recruit", _("winning members and friends")
    DISPLAY = "display", _("display with photo")
    SCRIPTS = "scripts", _("script library of the stores")
    MATERIALS = "materials", _("pages to send")
    MEMBER_PAGES = "member_pages", _("customers' own pages and enrolling")
    SIDEBAR = "sidebar", _("chat sidebar")
    OFFLINE = "offline", _("work without network")
    NEWS = "news", _("head office's news")


# kinds of pushes that are a module: the same word
KINDS = frozenset({Module.MOMENTS, Module.RECRUIT, Module.DISPLAY})
# the beginnings of the names of each module's addresses
ADDRESSES: dict[Module, tuple[str, ...]] = {
    Module.SCRIPTS: (
        "guide_portal:scripts",
        "guide_portal:propose_script",
        "guide_portal:take_script",
        "guide_portal:refuse_script",
        "guide_portal:word_script",
        "guide_portal:drop_wording",
        "hq:script_proposals",
        "hq:decide_proposal",
        "hq:script_variants",
        "hq:withdraw_variant",
    ),
    Module.MATERIALS: ("guide_portal:materials",),
    # a coupon is shown on the customers' own pages
    Module.MEMBER_PAGES: (
        "member_portal:",
        "guide_portal:enrol",
        "guide_portal:coupons",
        "guide_portal:expiring_coupons",
        "guide_portal:looks",
        "guide_portal:look",
        "guide_portal:new_look",
        "guide_portal:customer_looks",
        "admin:looks_",
        "admin:member_portal_",
        "admin:loyalty_",
    ),
    Module.SIDEBAR: ("guide_portal:sidebar",),
    # what a phone had kept is still taken: guide_portal:actions is not among them
    Module.OFFLINE: (
        "guide_portal:queue",
        "guide_portal:saved",
        "guide_portal:offline",
        "guide_portal:worker",
    ),
    Module.NEWS: (
        "guide_portal:news",
        "guide_portal:read_news",
        "guide_portal:team_news",
        "hq:news_",
        "admin:news_",
    ),
}


def are_off() -> frozenset[Module]:
    """The modules this chain has left out. Raises ImproperlyConfigured for an unknown name."""
    try:
        return frozenset(map(Module, settings.MODULES_OFF))
    except ValueError as error:
        known = ", ".join(Module.values)
        raise ImproperlyConfigured(f"MODULES_OFF: {error}. Known are {known}.") from error


def is_on(module: str) -> bool:
    """Whether the module, or the kind of push, is there; what is no module always is."""
    return module not in settings.MODULES_OFF


def is_address_on(view_name: str, kind: str = "") -> bool:
    """Whether the address of that name answers; `kind` is a push's, where the address names one."""
    if not settings.MODULES_OFF:
        return True
    prefixes = tuple(name for module in are_off() for name in ADDRESSES.get(module, ()))
    return not view_name.startswith(prefixes) and (kind not in KINDS or is_on(kind))


def for_templates(request: HttpRequest) -> dict[str, dict[str, bool]]:
    """`modules.scripts` and its like, for menus."""
    return {"modules": {module.value: is_on(module) for module in Module}}
