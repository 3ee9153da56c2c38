"""Head office reads complaints: by store, kind and state; names are masked."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from import_export.fields import Field

from apps.accounts.admin_base import ExportAdmin, StateColumn, state_mark
from apps.accounts.capabilities import Capability
from apps.accounts.resource_base import MomentWidget, RoomResource
from apps.cases.models import ServiceCase
from apps.core import clock
from apps.members.admin_base import MemberColumn


class ServiceCaseResource(RoomResource):
    """Out alone. What TA said stays in the case."""

    labels = {
        "opened_at": pgettext_lazy("complaint", "opened at"),
        "store": _("store"),
        "guide": _("guide"),
        "member": _("member number"),
        "kind": _("kind"),
        "state": _("state"),
        "holder": _("in whose hand"),
        "due_at": _("to be closed by"),
        "closed_at": _("closed at"),
        "result": _("result"),
    }
    opened_at = Field("opened_at", "opened_at", MomentWidget())
    store = Field("store__code", "store")
    guide = Field("guide__name", "guide")
    member = Field("member__public_id", "member")
    kind = Field("get_kind_display", "kind")
    state = Field("get_state_display", "state")
    holder = Field("get_holder_display", "holder")
    due_at = Field("due_at", "due_at", MomentWidget())
    closed_at = Field("closed_at", "closed_at", MomentWidget())
    result = Field("get_result_display", "result")

    class Meta:
        model = ServiceCase
        fields = ["opened_at", "store", "guide", "member", "kind", "state", "holder", "due_at",
                  "closed_at", "result"]  # fmt: skip
        export_order = fields


class DueFilter(admin.SimpleListFilter):
    """What is not closed yet, and what of it is late."""

    title = _("to be closed by")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("waiting", pgettext_lazy("complaint", "not closed yet")),
            ("late", pgettext_lazy("complaint", "past its time")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet:
        match self.value():
            case "waiting":
                return queryset.undecided()
            case "late":
                return queryset.late(clock.now())
        return queryset


@admin.register(ServiceCase)
class ServiceCaseAdmin(MemberColumn, StateColumn, ExportAdmin):
    marks = {"open": "warn", "reopened": "bad", "in_hand": "", "closed": "on"}
    view_capability = Capability.VIEW_MEMBERS
    export_capability = Capability.EXPORT_MEMBERS
    resource_classes = [ServiceCaseResource]
    list_display = ["show_case", "show_member", "kind", "store", "guide", "show_state", "holder",
                    "show_due", "result"]  # fmt: skip
    list_display_links = None
    list_filter = [DueFilter, "state", "holder", "kind", "opened_at", "store__region"]
    list_select_related = ["member", "store", "guide"]
    search_fields = ["store__code", "store__name", "guide__name", "external_no"]
    search_help_text = _("Store, guide or the number at the source")
    ordering = ["-opened_at", "-pk"]
    may_add = False
    empty_words = _("Stores write complaints down on a customer's card, you on a member's page.")
    fields = ["show_member", "kind", "opened_at", "store", "guide", "show_state", "holder",
              "due_at", "result", "closed_at", "source", "external_no"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceCase]:
        return super().get_queryset(request).select_related("member", "store", "guide")

    @admin.display(description=pgettext_lazy("complaint", "opened at"), ordering="opened_at")
    def show_case(self, row: ServiceCase) -> SafeString:
        opened = row.opened_at.astimezone(clock.chain_tz())
        return format_html(
            '<a href="{}">{}</a>', f"/admin/service-cases/{row.pk}/", f"{opened:%Y-%m-%d %H:%M}"
        )

    @admin.display(description=_("to be closed by"), ordering="due_at")
    def show_due(self, row: ServiceCase) -> SafeString | str:
        late = not row.is_closed and row.due_at <= clock.now()
        due = clock.minute_words(row.due_at)
        return state_mark(due, "bad") if late else due
