"""Head office reads concessions, and sets who may grant how much. Names are masked."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field

from apps.accounts.admin_base import ExportAdmin, RoomAdmin
from apps.accounts.capabilities import Capability
from apps.accounts.resource_base import RoomResource
from apps.concessions.models import Concession, ConcessionTerms
from apps.core import clock
from apps.members.selectors import listed_name

MARKS = {"waiting": "warn", "granted": "on"}


@admin.register(ConcessionTerms)
class ConcessionTermsAdmin(RoomAdmin):
    """One row: what is asked from now on goes by it."""

    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_STORES
    list_display = ["__str__", "store_percent", "region_percent", "store_days", "valid_days"]
    fields = ["store_percent", "region_percent", "store_days", "valid_days"]
    empty_words = _(
        "Until you save limits: a store's manager grants up to 10 % and returns until day 60, the "
        "region up to 20 % and any return, more is yours; what is granted holds 7 days."
    )

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_add_permission(request, obj) and not ConcessionTerms.objects.exists()


class ConcessionResource(RoomResource):
    """Out alone; the customer by number."""

    labels = {
        "asked_at": _("asked at"),
        "kind": _("kind"),
        "percent": _("discount, %"),
        "reason": _("reason"),
        "member": _("member number"),
        "guide": _("asked by"),
        "store": _("store"),
        "level": _("decided by the"),
        "state": _("state"),
        "valid_until": _("valid until"),
        "used_at": _("used at"),
    }
    asked_at = Field("asked_at", "asked_at")
    kind = Field("get_kind_display", "kind")
    percent = Field("percent", "percent")
    reason = Field("get_reason_display", "reason")
    member = Field("member__public_id", "member")
    guide = Field("guide__name", "guide")
    store = Field("store__code", "store")
    level = Field("get_level_display", "level")
    state = Field("get_state_display", "state")
    valid_until = Field("valid_until", "valid_until")
    used_at = Field("used_order__paid_at", "used_at")

    class Meta:
        model = Concession
        fields = ["asked_at", "kind", "percent", "reason", "member", "guide", "store", "level",
                  "state", "valid_until", "used_at"]  # fmt: skip
        export_order = fields

    def dehydrate_asked_at(self, row: Concession) -> str:
        return _minute(row.asked_at)

    def dehydrate_used_at(self, row: Concession) -> str:
        return _minute(row.used_order.paid_at) if row.used_order else ""


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(clock.chain_tz()):%Y-%m-%d %H:%M}"


@admin.register(Concession)
class ConcessionAdmin(ExportAdmin):
    view_capability = Capability.VIEW_MEMBERS
    export_capability = Capability.EXPORT_MEMBERS
    resource_classes = [ConcessionResource]
    list_display = ["asked_at", "show_member", "kind", "percent", "reason", "guide", "store",
                    "level", "show_state", "valid_until"]  # fmt: skip
    list_filter = ["state", "kind", "level", "asked_at", "store__region"]
    list_select_related = ["member", "guide", "store"]
    search_fields = ["store__code", "store__name", "guide__name"]
    search_help_text = _("Store or guide")
    ordering = ["-asked_at", "-pk"]
    may_add = False
    empty_words = _("Guides ask on a customer's card; it stands here then.")
    fields = ["show_member", "kind", "percent", "order", "reason", "guide", "store", "level",
              "show_state", "asked_at", "decided_at", "valid_until", "used_order",
              "show_used_at"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Concession]:
        return (
            super().get_queryset(request).select_related("member", "guide", "store", "used_order")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.fields

    @admin.display(description=_("member"))
    def show_member(self, row: Concession) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>',
            f"/admin/members/{row.member.public_id}/",
            listed_name(row.member),
        )

    @admin.display(description=_("used at"))
    def show_used_at(self, row: Concession) -> datetime | None:
        return row.used_order.paid_at if row.used_order else None

    @admin.display(description=_("state"), ordering="state")
    def show_state(self, row: Concession) -> SafeString:
        mark = MARKS.get(row.state, "")
        return format_html('<span class="hq-st {}">{}</span>', mark, row.get_state_display())
