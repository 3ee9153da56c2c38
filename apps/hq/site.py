"""Head office's admin site."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class HqAdminSite(UnfoldAdminSite):
    """The site all rooms register with. Who may enter is decided by the role, not by `is_staff`."""

    site_title = _("Member operations")
    index_title = _("Home")
    empty_value_display = "—"

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and getattr(user, "is_hq", False))

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # by name, when somebody opens the page: the site itself is made before models are
        return import_string("apps.hq.pages.home.home")(request)
