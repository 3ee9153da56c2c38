"""工具, sorted by what a person comes for: customers, words and pages to send, the team."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.modules import Module, is_on


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    page: str
    drawing: str
    words: str = ""
    module: str = ""

    @property
    def to(self) -> str:
        return reverse(f"guide_portal:{self.page}")


@dataclass(frozen=True, slots=True)
class Shelf:
    name: str
    tools: list[Tool]


def shelves(*, is_manager: bool) -> list[Shelf]:
    """Only what there is. Managers find the team's day first and what comes up rarely last; a guide
    has few tools, they need no sorting but customers and what is sent."""
    found = [_news(), _customers(), _to_send()]
    if is_manager:
        found = [_news(), _day(), _customers(), _to_send(), _people()]
    return [Shelf(shelf.name, kept) for shelf in found if (kept := _switched_on(shelf.tools))]


def _switched_on(tools: list[Tool]) -> list[Tool]:
    return [tool for tool in tools if is_on(tool.module)]


def _news() -> Shelf:
    words = _("Today's tasks, new goods, price rules")
    return Shelf("", [Tool(_("News"), "news", "bell", words, Module.NEWS)])


def _day() -> Shelf:
    return Shelf(
        _("The team's day"),
        [
            Tool(_("Morning meeting"), "morning", "sun"),
            Tool(_("Alerts"), "alerts", "alert"),
            Tool(_("Team tasks"), "team", "team"),
            Tool(_("Store tasks"), "store_tasks", "store"),
            Tool(_("To approve"), "approvals", "ok"),
            Tool(_("Store's stock"), "store_stock", "chart", _("Runs out, sells well, lies long")),
        ],
    )


def _customers() -> Shelf:
    return Shelf(
        _("Customers"),
        [
            Tool(
                _("Enrol a customer"),
                "enrol",
                "plus",
                _("TA scans a code and joins on TA's own phone"),
                Module.MEMBER_PAGES,
            ),
            Tool(_("Find a customer"), "customers", "search"),
            Tool(_("Find goods"), "find_stock", "bag", _("Which store has it, in which size")),
            Tool(
                _("Requests for pieces"),
                "stock_requests",
                "store",
                _("Kept there or sent here, for your customers"),
            ),
            Tool(_("Appointments"), "appointments", "clock", _("Who comes today and this week")),
            Tool(_("Complaints"), "cases", "alert", _("What waits, and what came of it")),
            Tool(
                _("Contact codes"), "codes", "scan", _("Show the code, print posters, see who came")
            ),
            Tool(_("My groups"), "groups", "people"),
            Tool(
                _("Coupons and points that end soon"),
                "expiring_coupons",
                "ticket",
                _("Of your customers, within 7 days"),
                Module.MEMBER_PAGES,
            ),
        ],
    )


def _to_send() -> Shelf:
    return Shelf(
        pgettext("tools", "Words and pages"),
        [
            Tool(pgettext("guide page", "Scripts"), "scripts", "note", module=Module.SCRIPTS),
            Tool(
                _("Looks"),
                "looks",
                "grid",
                _("Put 2 to 5 pieces together and send them"),
                Module.MEMBER_PAGES,
            ),
            Tool(_("Pages to send"), "materials", "picture", module=Module.MATERIALS),
            Tool(
                _("Chat sidebar"),
                "sidebar",
                "chat",
                _("Opens by itself beside a customer's chat in WeCom"),
                Module.SIDEBAR,
            ),
        ],
    )


def _people() -> Shelf:
    return Shelf(
        pgettext("tools", "Team and roster"),
        [
            Tool(_("Duty"), "duty", "clock"),
            Tool(_("Newcomers"), "team_newcomers", "people", _("Their first 30 days")),
            Tool(_("Assign"), "assign", "people"),
            Tool(_("Leavers and movers"), "handover", "out"),
        ],
    )
