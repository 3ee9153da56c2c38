"""我的 and 工具."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.accounts.capabilities import Capability
from apps.guide_portal.me import me_page
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks.selectors import badge


class Me(GuidePage):
    def get(self, request: HttpRequest) -> HttpResponse:
        now = self.now
        context = {
            "page": me_page(guide_id=self.guide_id, now=now),
            "is_manager": self.actor.can(Capability.MANAGE_TEAM),
            "tab": "me",
            "todo_count": badge(guide_id=self.guide_id, now=now),
        }
        return render(request, "guide_portal/me.html", context)


class Tools(GuidePage):
    """Only what there is."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "is_manager": self.actor.can(Capability.MANAGE_TEAM),
            "tab": "tools",
            "todo_count": badge(guide_id=self.guide_id, now=self.now),
        }
        return render(request, "guide_portal/tools.html", context)
