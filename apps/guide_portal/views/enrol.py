"""开卡: a customer joins on their own phone, the guide sees it happen."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.accounts.capabilities import Capability
from apps.guide_portal import enrol
from apps.guide_portal.views.base import GuidePage
from apps.guide_tasks.selectors import badge

HALF = enrol.VALID_FOR / 2


class Enrol(GuidePage):
    capability = Capability.EDIT_MEMBERS

    def get(self, request: HttpRequest) -> HttpResponse:
        now = self.now
        count, rows = enrol.enrolled_today(guide_id=self.guide_id, now=now)
        context = {
            "page": enrol.enrol_page(guide_id=self.guide_id, now=now),
            "count": count,
            "rows": rows,
            "since": int(now.timestamp()),
            "tab": "tools",
            "todo_count": badge(guide_id=self.guide_id, now=now),
        }
        return render(request, "guide_portal/enrol.html", context)


class EnrolLive(GuidePage):
    """The list again; an invitation that grew old is renewed with the whole page."""

    capability = Capability.EDIT_MEMBERS

    def get(self, request: HttpRequest) -> HttpResponse:
        now = self.now
        since = request.GET.get("since", "")
        known = int(since) if since.isascii() and since.isdigit() and len(since) < 12 else 0
        if now.timestamp() - known > HALF.total_seconds():
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        count, rows = enrol.enrolled_today(guide_id=self.guide_id, now=now)
        context = {"count": count, "rows": rows, "since": known}
        return render(request, "guide_portal/partials/_enrolled.html", context)
