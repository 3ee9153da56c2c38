"""What the reconciler compared and healed."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.wecom_sync.models import GuideDay, SyncRun

MARKS = {"failed": "bad", "done": "on"}


@admin.register(SyncRun)
class SyncRunAdmin(RoomAdmin):
    view_capability = Capability.VIEW_HEALTH
    list_display = ["started_at", "kind", "show_state", "seen", "dry", "missing_here",
                    "missing_there", "differing", "healed", "finished_at", "error"]  # fmt: skip
    list_filter = ["kind", "state", "dry", "started_at"]
    ordering = ["-id"]
    may_add = False

    @admin.display(description=_("state"), ordering="state")
    def show_state(self, row: SyncRun) -> SafeString:
        return format_html(
            '<span class="hq-st {}">{}</span>', MARKS.get(row.state, ""), row.get_state_display()
        )


class MismatchFilter(admin.SimpleListFilter):
    title = _("Mismatch list")
    parameter_name = "mismatch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("nobody has asked yet")), ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        rows: Any = queryset
        if self.value() == "waiting":
            return rows.mismatched().filter(looked_at=None)
        return rows.mismatched() if self.value() == "all" else rows


@admin.register(GuideDay)
class GuideDayAdmin(RoomAdmin):
    """What WeCom counted beside what was declared: facts for a question, no verdict."""

    view_capability = Capability.VIEW_REPORTS
    list_display = ["day", "guide", "store", "declared", "chats", "messages", "reply_percent",
                    "first_reply_minutes", "negative", "looked_at"]  # fmt: skip
    list_filter = [MismatchFilter, "store__region", "day"]
    list_select_related = ["guide", "store"]
    ordering = ["-day", "guide_id"]
    may_add = False
