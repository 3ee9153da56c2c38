"""Campaigns: why something is pushed, how long its outcome is watched, how many are held out."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.campaigns.models import Campaign, CampaignAssignment


def _arm(arm: str) -> Coalesce:
    rows = CampaignAssignment.objects.filter(Q(campaign_id=OuterRef("pk")), arm=arm).order_by()
    return Coalesce(Subquery(rows.values("campaign_id").annotate(n=Count("pk")).values("n")), 0)


@admin.register(Campaign)
class CampaignAdmin(RoomAdmin):
    view_capability = Capability.VIEW_PUSHES
    edit_capability = Capability.PUSH_TASKS
    list_display = ["name", "goal", "starts_at", "ends_at", "window_days", "show_share",
                    "show_treated", "show_control"]  # fmt: skip
    list_filter = ["goal"]
    search_fields = ["name"]
    ordering = ["-id"]
    fields = ["name", "goal", "starts_at", "ends_at", "window_days", "control_share_bp"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        return super().get_queryset(request).annotate(treated=_arm("treated"), held=_arm("control"))

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        # a share changed after people were drawn would make the arms unequal
        return ["control_share_bp"] if obj is not None else []

    @admin.display(description=_("control share"), ordering="control_share_bp")
    def show_share(self, row: Campaign) -> str:
        return f"{row.control_share_bp / 100:g}%" if row.control_share_bp else "—"

    @admin.display(description=_("treated"), ordering="treated")
    def show_treated(self, row: Any) -> str:
        return f"{row.treated:,}"

    @admin.display(description=_("control group"), ordering="held")
    def show_control(self, row: Any) -> str:
        return f"{row.held:,}"
