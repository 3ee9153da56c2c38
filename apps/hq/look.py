"""The look and the menu of the admin site, for `settings.UNFOLD`. Settings import it: no models."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts import modules
from apps.accounts.capabilities import Capability
from apps.accounts.modules import Module
from apps.accounts.requests import actor_of

ADMIN = "/admin/"


def _below(*prefixes: str) -> Callable[[HttpRequest], bool]:
    """Active on the entry and on every page below it, whichever room serves that page."""

    def active(request: HttpRequest) -> bool:
        return any(
            request.path == prefix or (prefix != ADMIN and request.path.startswith(prefix))
            for prefix in prefixes
        )

    return active


def _may(capability: Capability, module: str = "") -> Callable[[HttpRequest], bool]:
    return lambda request: modules.is_on(module) and actor_of(request).can(capability)


def _item(
    title: Any, icon: str, path: str, *also: str, needs: Capability, badge: str = "", tone: str = ""
) -> dict[str, Any]:
    item = {
        "title": title,
        "icon": icon,
        "link": path,
        "active": _below(path, *also),
        "permission": _may(needs),
    }
    if badge:
        item |= {"badge": badge, "badge_variant": tone}
    return item


def _tab(title: Any, path: str, needs: Capability, module: str = "") -> dict[str, Any]:
    return {
        "title": title,
        "link": path,
        "active": _below(path),
        "permission": _may(needs, module),
    }


C = Capability

NAVIGATION: list[dict[str, Any]] = [
    {"items": [_item(_("Home"), "home", ADMIN, needs=C.VIEW_REPORTS)]},
    {
        "separator": True,
        "items": [
            _item(_("Segments"), "group_work", "/admin/segments/", needs=C.BUILD_SEGMENTS),
            _item(
                _("Task pushes"),
                "send",
                "/admin/pushes/",
                needs=C.VIEW_PUSHES,
                badge="apps.hq.badges.pushes",
                tone="warning",
            ),
            _item(_("Campaigns"), "event", "/admin/campaigns/campaign/", needs=C.VIEW_PUSHES),
        ],
    },
    {
        "separator": True,
        "items": [
            _item(
                _("Members"),
                "person",
                "/admin/members/member/",
                "/admin/members/",
                "/admin/orders/order/",
                "/admin/appointments/",
                "/admin/cases/",
                "/admin/service-cases/",
                "/admin/concessions/",
                "/admin/member_portal/",
                "/admin/loyalty/",
                needs=C.VIEW_MEMBERS,
            ),
            _item(
                _("Friends and groups"),
                "diversity_3",
                "/admin/codes/",
                "/admin/groups/",
                "/admin/outreach/welcome/",
                "/admin/handovers/",
                "/admin/losses/",
                "/admin/sources/",
                "/admin/risks/",
                needs=C.VIEW_REPORTS,
            ),
            _item(
                _("Stores and guides"),
                "storefront",
                "/admin/stores/store/",
                "/admin/stores/guide/",
                "/admin/stores/region/",
                "/admin/stores/legalentity/",
                "/admin/rollout/",
                "/admin/commissions/",
                "/admin/stock/",
                "/admin/newcomers/",
                needs=C.VIEW_REPORTS,
            ),
            _item(
                _("Scripts and content"),
                "chat",
                "/admin/outreach/messagetemplate/",
                "/admin/scripts/",
                "/admin/outreach/contentasset/",
                "/admin/orders/product/",
                "/admin/looks/",
                "/admin/news/",
                "/admin/guide_portal/",
                needs=C.VIEW_PUSHES,
            ),
            _item(
                _("Tags"),
                "sell",
                "/admin/tagging/tag/",
                "/admin/tagging/",
                "/admin/wecom_sync/corptag/",
                "/admin/wecom_sync/tagword/",
                needs=C.VIEW_REPORTS,
            ),
        ],
    },
    {
        "separator": True,
        "items": [
            _item(
                pgettext_lazy("menu", "WeCom"),
                "hub",
                "/admin/wecom/health/",
                "/admin/wecom/",
                "/admin/wecom_sync/",
                "/admin/outreach/dispatch/",
                "/admin/outreach/guidenotice/",
                "/admin/outreach/buttonanswer/",
                "/admin/outreach/smsmessage/",
                needs=C.VIEW_HEALTH,
                badge="apps.hq.badges.wecom",
                tone="danger",
            ),
            _item(_("Reports"), "bar_chart", "/admin/reports/", needs=C.VIEW_REPORTS),
            _item(
                _("System"),
                "settings",
                "/admin/system/",
                "/admin/django_celery_beat/",
                "/admin/accounts/",
                "/admin/stores/scopegrant/",
                "/admin/profiles/",
                "/admin/core/",
                needs=C.VIEW_MEMBERS,
            ),
        ],
    },
]


def entry_of(request: HttpRequest) -> dict[str, Any] | None:
    """The menu's entry that this page stands under."""
    entries: list[dict[str, Any]] = [entry for group in NAVIGATION for entry in group["items"]]
    return next((entry for entry in entries if entry["active"](request)), None)


_SYSTEM = [
    _tab(_("Scheduled jobs"), "/admin/django_celery_beat/periodictask/", C.MANAGE_JOBS),
    _tab(_("Users"), "/admin/accounts/user/", C.MANAGE_USERS),
    _tab(_("Data scope"), "/admin/stores/scopegrant/", C.MANAGE_USERS),
    _tab(_("API keys"), "/admin/accounts/apikey/", C.MANAGE_USERS),
    _tab(_("Audit"), "/admin/accounts/auditentry/", C.VIEW_AUDIT),
    _tab(_("Stage limits"), "/admin/profiles/stageversion/", C.VIEW_REPORTS),
]
_WECOM = [
    _tab(_("Health"), "/admin/wecom/health/", C.VIEW_HEALTH),
    _tab(_("Connection"), "/admin/wecom/connection/", C.MANAGE_WECOM),
    _tab(pgettext_lazy("menu", "Comparison"), "/admin/wecom/sync/", C.VIEW_HEALTH),
    _tab(_("Departments"), "/admin/wecom/departments/", C.VIEW_HEALTH),
    _tab(_("To be carried out"), "/admin/wecom/waiting/", C.VIEW_HEALTH),
    _tab(_("Unknown sends"), "/admin/wecom/unknown/", C.VIEW_HEALTH),
    _tab(_("Given-up events"), "/admin/wecom/dead/", C.VIEW_HEALTH),
    _tab(_("Callback inbox"), "/admin/wecom/rawcallback/", C.MANAGE_WECOM),
    _tab(_("Sends"), "/admin/outreach/dispatch/", C.VIEW_HEALTH),
    _tab(_("Notices"), "/admin/outreach/guidenotice/", C.VIEW_HEALTH),
    _tab(_("Card buttons"), "/admin/outreach/buttonanswer/", C.VIEW_HEALTH),
    _tab(pgettext_lazy("menu", "SMS"), "/admin/outreach/smsmessage/", C.VIEW_HEALTH),
    _tab(_("Guides' days"), "/admin/wecom_sync/guideday/", C.VIEW_REPORTS),
    _tab(_("Calls"), "/admin/wecom/calls/", C.VIEW_HEALTH),
]
_FRIENDS = [
    _tab(_("Contact codes"), "/admin/codes/", C.VIEW_REPORTS),
    _tab(_("Where friends come from"), "/admin/sources/", C.VIEW_REPORTS),
    _tab(_("Customer groups"), "/admin/groups/", C.VIEW_REPORTS),
    _tab(_("Welcomes"), "/admin/outreach/welcome/", C.VIEW_HEALTH),
    _tab(_("Handovers"), "/admin/handovers/", C.VIEW_REPORTS),
    _tab(_("Lost friends"), "/admin/losses/", C.VIEW_REPORTS),
    _tab(_("Risk signals"), "/admin/risks/", C.VIEW_AUDIT),
]
_PLACES = [
    _tab(_("Store list"), "/admin/stores/store/", C.VIEW_REPORTS),
    _tab(_("Guides"), "/admin/stores/guide/", C.VIEW_REPORTS),
    _tab(_("Stock"), "/admin/stock/stocklevel/", C.VIEW_REPORTS),
    _tab(_("Pieces kept or sent"), "/admin/stock/stockrequest/", C.VIEW_MEMBERS),
    _tab(_("Terms of keeping and sending"), "/admin/stock/stockterms/", C.VIEW_REPORTS),
    _tab(_("First 30 days"), "/admin/newcomers/planstep/", C.VIEW_PUSHES),
    _tab(_("Regions"), "/admin/stores/region/", C.VIEW_REPORTS),
    _tab(_("Rollout"), "/admin/rollout/", C.VIEW_REPORTS),
    _tab(_("Legal entities"), "/admin/stores/legalentity/", C.MANAGE_STORES),
    {
        "title": _("Commission"),
        "link": "/admin/commissions/",
        "active": lambda request: (
            request.path == "/admin/commissions/"
            or request.path.startswith("/admin/commissions/guides/")
        ),
        "permission": _may(C.VIEW_COMMISSIONS),
    },
    _tab(_("Commission rules"), "/admin/commissions/commissionrule/", C.VIEW_COMMISSIONS),
    _tab(_("Questions about commission"), "/admin/commissions/questions/", C.VIEW_COMMISSIONS),
]
_WORDS = [
    _tab(_("Scripts"), "/admin/outreach/messagetemplate/", C.VIEW_PUSHES),
    _tab(_("Scripts of guides"), "/admin/scripts/proposals/", C.VIEW_PUSHES, Module.SCRIPTS),
    _tab(_("Stores' wordings"), "/admin/scripts/variants/", C.VIEW_PUSHES, Module.SCRIPTS),
    _tab(_("Content"), "/admin/outreach/contentasset/", C.VIEW_PUSHES),
    _tab(_("Products"), "/admin/orders/product/", C.VIEW_REPORTS),
    _tab(_("Looks"), "/admin/looks/look/", C.VIEW_PUSHES, Module.MEMBER_PAGES),
    _tab(_("News"), "/admin/news/news/", C.VIEW_PUSHES, Module.NEWS),
    _tab(_("Facts on the card"), "/admin/guide_portal/leadingfacts/", C.VIEW_REPORTS),
]
_TAGS = [
    _tab(_("Tags"), "/admin/tagging/tag/", C.VIEW_REPORTS),
    _tab(_("Tag groups"), "/admin/tagging/taggroup/", C.VIEW_REPORTS),
    _tab(_("Tags in WeCom"), "/admin/wecom_sync/corptag/", C.VIEW_REPORTS),
    _tab(_("History with WeCom"), "/admin/wecom_sync/tagword/", C.VIEW_HEALTH),
]
_PUSHES = [
    {
        "title": _("Pushes"),
        "link": "/admin/pushes/",
        "active": lambda request: request.path == "/admin/pushes/",
        "permission": _may(C.VIEW_PUSHES),
    },
    _tab(_("Repeating pushes"), "/admin/pushes/series/", C.VIEW_PUSHES),
    _tab(_("Task rules"), "/admin/pushes/rules/", C.VIEW_PUSHES),
]
_REPORTS = [
    {
        "title": _("Pushes side by side"),
        "link": "/admin/reports/",
        "active": lambda request: request.path == "/admin/reports/",
        "permission": _may(C.VIEW_REPORTS),
    },
    _tab(_("Spread between guides"), "/admin/reports/spread/", C.VIEW_REPORTS),
]
_PEOPLE = [
    _tab(_("Members"), "/admin/members/member/", C.VIEW_MEMBERS),
    _tab(_("Orders"), "/admin/orders/order/", C.VIEW_ORDERS),
    _tab(_("Appointments"), "/admin/appointments/appointment/", C.VIEW_MEMBERS),
    _tab(_("Complaints"), "/admin/cases/servicecase/", C.VIEW_MEMBERS),
    _tab(_("Concessions"), "/admin/concessions/concession/", C.VIEW_MEMBERS),
    _tab(_("Limits of concessions"), "/admin/concessions/concessionterms/", C.VIEW_REPORTS),
    _tab(_("Requests to look"), "/admin/members/access/", C.VIEW_MEMBERS),
    _tab(
        _("Data requests"), "/admin/member_portal/datarequest/", C.VIEW_HEALTH, Module.MEMBER_PAGES
    ),
    _tab(
        _("Consent texts"), "/admin/member_portal/consenttext/", C.VIEW_HEALTH, Module.MEMBER_PAGES
    ),
    _tab(_("Coupons"), "/admin/loyalty/coupon/", C.VIEW_REPORTS, Module.MEMBER_PAGES),
    _tab(_("Coupons given"), "/admin/loyalty/couponissue/", C.VIEW_ORDERS, Module.MEMBER_PAGES),
    _tab(_("Points told"), "/admin/loyalty/pointsentry/", C.VIEW_ORDERS, Module.MEMBER_PAGES),
    _tab(_("Terms of points"), "/admin/loyalty/pointsterms/", C.VIEW_REPORTS, Module.MEMBER_PAGES),
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Member operations"),
    "SITE_HEADER": _("Member operations"),
    "SITE_SUBHEADER": _("Head office"),
    "SITE_SYMBOL": "all_inclusive",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("hq/icon.svg")}
    ],
    "SHOW_BACK_BUTTON": False,
    "SHOW_VIEW_ON_SITE": False,
    "THEME": "light",
    "BORDER_RADIUS": "8px",
    "STYLES": [lambda request: static("hq/hq.css")],
    "COLORS": {
        # neutral with a breath of green, so that grey and brand belong together
        "base": {
            "50": "#f7f8f7", "100": "#eff1f0", "200": "#e3e6e4", "300": "#cfd4d1",
            "400": "#9aa39e", "500": "#656f69", "600": "#4a544e", "700": "#374039",
            "800": "#232b26", "900": "#161d19", "950": "#0d1210",
        },
        "primary": {
            "50": "#eef8f3", "100": "#d7eee2", "200": "#b0dcc6", "300": "#7fc3a4",
            "400": "#47a37e", "500": "#1f8a63", "600": "#0c7350", "700": "#0a5d42",
            "800": "#0a4a36", "900": "#093d2d", "950": "#04231a",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": NAVIGATION,
    },
    "TABS": [
        {
            "models": [
                "django_celery_beat.periodictask", "accounts.user", "stores.scopegrant",
                "accounts.apikey", "accounts.auditentry", "profiles.stageversion",
            ],
            "items": _SYSTEM,
        },
        {"page": "system", "items": _SYSTEM},
        {"page": "wecom", "items": _WECOM},
        {"page": "friends", "items": _FRIENDS},
        {"models": ["outreach.welcome"], "items": _FRIENDS},
        {
            "models": [
                "wecom.rawcallback", "wecom.corp", "wecom.corpapp", "wecom.callbackendpoint",
                "outreach.dispatch", "outreach.guidenotice", "outreach.buttonanswer",
                "outreach.smsmessage", "wecom_sync.syncrun", "wecom_sync.guideday",
            ],
            "items": _WECOM,
        },
        {
            "models": [
                "stores.store", "stores.guide", "stores.region", "stores.legalentity",
                "commissions.commissionrule",
                "stock.stocklevel", "stock.stockrequest", "stock.stockterms",
                "newcomers.planstep",
            ],
            "items": _PLACES,
        },
        {"page": "stores", "items": _PLACES},
        {
            "models": [
                "outreach.messagetemplate", "outreach.contentasset", "orders.product", "looks.look",
                "news.news",
                "guide_portal.leadingfacts",
            ],
            "items": _WORDS,
        },
        {"page": "words", "items": _WORDS},
        {
            "models": [
                "tagging.tag", "tagging.taggroup", "wecom_sync.corptag", "wecom_sync.tagword",
            ],
            "items": _TAGS,
        },
        {"page": "pushes", "items": _PUSHES},
        {"page": "reports", "items": _REPORTS},
        {"page": "members", "items": _PEOPLE},
        {
            "models": [
                "members.member", "orders.order", "appointments.appointment",
                "cases.servicecase", "concessions.concession", "concessions.concessionterms",
                "member_portal.datarequest",
                "member_portal.consenttext", "loyalty.coupon",
                "loyalty.couponissue", "loyalty.pointsentry", "loyalty.pointsterms",
            ],
            "items": _PEOPLE,
        },
    ],
}  # fmt: skip
