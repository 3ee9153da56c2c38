"""我的群: the guide's own customer groups; a manager sees the store's others below."""

from django.http import HttpRequest, HttpResponse

from apps.accounts.capabilities import Capability
from apps.customer_groups.selectors import groups_for, with_week
from apps.guide_portal.views.base import GuidePage

MOST = 200


class Groups(GuidePage):
    """How large each is and who came and went in the last seven days."""

    tab = "tools"

    def get(self, request: HttpRequest) -> HttpResponse:
        found = groups_for(actor=self.actor).order_by("-customers", "-pk")[:MOST]
        rows = with_week(list(found), now=self.now)
        context = {
            "mine": [row for row in rows if row.group.owner_id == self.guide_id],
            "others": [row for row in rows if row.group.owner_id != self.guide_id],
            "is_manager": self.actor.can(Capability.MANAGE_TEAM),
        }
        return self.render("guide_portal/groups.html", context)
