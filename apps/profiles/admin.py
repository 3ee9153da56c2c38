"""The limits of the stages, one published set after the other."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.profiles.models import StageVersion


@admin.register(StageVersion)
class StageVersionAdmin(RoomAdmin):
    """A published set never changes; new limits are a new row."""

    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_JOBS
    list_display = ["id", "new_days", "silent_after_days", "lost_after_days", "published_at"]
    ordering = ["-published_at"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
