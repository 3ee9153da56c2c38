"""Head office writes the plan of the first thirty days."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.newcomers.models import PlanStep


@admin.register(PlanStep)
class PlanStepAdmin(RoomAdmin):
    view_capability = Capability.VIEW_PUSHES
    edit_capability = Capability.MANAGE_CONTENT
    list_display = ["day", "title", "proof", "number", "page", "news", "is_active"]
    list_display_links = ["title"]
    list_select_related = ["news"]
    list_filter = ["is_active"]
    autocomplete_fields = ["news"]
    ordering = ["day", "pk"]
    empty_words = _(
        "Write what somebody new should do by which day. Who comes to a store sees it on the "
        "phone for 30 days; what can be counted ticks by itself."
    )
    fields = ["day", "title", "words", "page", "news", "proof", "number", "is_active"]
