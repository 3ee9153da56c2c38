"""What the reconciler compared and healed."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.wecom_sync.models import SyncRun

MARKS = {"failed": "bad", "done": "on"}


@admin.register(SyncRun)
class SyncRunAdmin(RoomAdmin):
    view_capability = Capability.VIEW_HEALTH
    list_display = ["started_at", "kind", "show_state", "seen", "created", "changed", "ended",
                    "finished_at", "error"]  # fmt: skip
    list_filter = ["kind", "state", "started_at"]
    ordering = ["-id"]
    may_add = False

    @admin.display(description=_("state"), ordering="state")
    def show_state(self, row: SyncRun) -> SafeString:
        return format_html(
            '<span class="hq-st {}">{}</span>', MARKS.get(row.state, ""), row.get_state_display()
        )
