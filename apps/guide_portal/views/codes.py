"""工具 › 活码: a guide's own codes, a manager's store's: what they brought, the poster to print."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from apps.accounts.capabilities import Capability
from apps.contact_codes import posters
from apps.contact_codes.models import ChannelCode
from apps.contact_codes.selectors import Figures, figures_of, names_of
from apps.guide_portal.views.base import GuidePage

SHOWN = 50


class Codes(GuidePage):
    """Codes in use that lead here."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = ChannelCode.objects.running().visible_to(self.actor)
        codes = list(rows.select_related("store", "guide").order_by("kind", "-pk")[:SHOWN])
        figures = figures_of([code.pk for code in codes], now=self.now)
        names = names_of(codes)
        context = {
            "rows": [
                {
                    "code": code,
                    "figures": figures.get(code.pk, Figures()),
                    "people": "、".join(names.get(user, user) for user in code.pushed_users),
                }
                for code in codes
            ],
            "is_manager": self.actor.can(Capability.MANAGE_TEAM),
        }
        return self.render("guide_portal/codes.html", context)


class CodePoster(GuidePage):
    """A sheet to print, or to show on the phone."""

    def get(self, request: HttpRequest, code_id: int) -> HttpResponse:
        rows = ChannelCode.objects.running().visible_to(self.actor).select_related("store")
        code = get_object_or_404(rows, pk=code_id)
        return self.render("contact_codes/poster.html", posters.sheet(code, request.GET))
