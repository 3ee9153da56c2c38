"""Rules that make tasks by themselves. Pushes have pages of their own."""

from django.contrib import admin

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.guide_tasks.models import TaskRule


@admin.register(TaskRule)
class TaskRuleAdmin(RoomAdmin):
    view_capability = Capability.VIEW_PUSHES
    edit_capability = Capability.PUSH_TASKS
    list_display = ["key", "title", "delay_days", "due_days", "template", "is_active"]
    list_select_related = ["template"]
    list_editable = ["is_active"]
    fields = ["key", "is_active", "title", "template", "delay_days", "due_days"]
    readonly_fields = ["key"]
    may_add = False
