"""Head office reads what stores have booked: by day, store and result; names are masked."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from import_export.fields import Field

from apps.accounts.admin_base import ExportAdmin, RoomInline, StateColumn, who_words
from apps.accounts.capabilities import Capability
from apps.accounts.resource_base import MomentWidget, RoomResource
from apps.appointments.models import Appointment, AppointmentMove, Reason, State
from apps.appointments.services.settling import BY_CUSTOMER
from apps.members.admin_base import MemberColumn
from apps.stores.selectors import who_behind

# who is no guide
_OTHERS = {"": "", BY_CUSTOMER: pgettext_lazy("appointment", "the customer")}


class AppointmentResource(RoomResource):
    """Out alone. What the guide wrote to prepare stays in the store."""

    labels = {
        "starts_at": _("time"),
        "store": _("store"),
        "guide": _("guide"),
        "member": _("member number"),
        "kind": _("kind"),
        "state": _("state"),
        "reason": _("reason"),
    }
    starts_at = Field("starts_at", "starts_at", MomentWidget())
    store = Field("store__code", "store")
    guide = Field("guide__name", "guide")
    member = Field("member__public_id", "member")
    kind = Field("get_kind_display", "kind")
    state = Field("get_state_display", "state")
    reason = Field("get_reason_display", "reason")

    class Meta:
        model = Appointment
        fields = ["starts_at", "store", "guide", "member", "kind", "state", "reason"]
        export_order = fields


def _state(value: str) -> str:
    return str(State(value).label)


class MoveInline(RoomInline):
    """How it came to where it is: states, and from whom to whom."""

    model = AppointmentMove
    view_capability = Capability.VIEW_MEMBERS
    fields = ["at", "show_step", "show_guide", "show_who", "show_reason"]
    readonly_fields = ["at", "show_step", "show_guide", "show_who", "show_reason"]
    ordering = ["at", "pk"]
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AppointmentMove]:
        rows = super().get_queryset(request).select_related("from_guide")
        return rows.annotate(guide_name=who_behind("actor"))

    @admin.display(description=_("actor"))
    def show_who(self, row: Any) -> str:
        return who_words(row.actor, row.guide_name, _OTHERS)

    @admin.display(description=_("state"))
    def show_step(self, row: AppointmentMove) -> str:
        if row.from_state == row.to_state:
            return _state(row.to_state)
        return " → ".join(_state(one) for one in (row.from_state, row.to_state) if one)

    @admin.display(description=_("taken over from"))
    def show_guide(self, row: AppointmentMove) -> str:
        return row.from_guide.name if row.from_guide else ""

    @admin.display(description=_("reason"))
    def show_reason(self, row: AppointmentMove) -> str:
        return str(dict(Reason.choices).get(row.reason, ""))


@admin.register(Appointment)
class AppointmentAdmin(MemberColumn, StateColumn, ExportAdmin):
    marks = {"kept": "on", "not_kept": "bad", "booked": "warn"}
    view_capability = Capability.VIEW_MEMBERS
    export_capability = Capability.EXPORT_MEMBERS
    resource_classes = [AppointmentResource]
    list_display = ["starts_at", "show_member", "kind", "store", "guide", "show_state", "reason"]
    list_filter = ["state", "kind", "starts_at", "store__region"]
    list_select_related = ["member", "store", "guide"]
    search_fields = ["store__code", "store__name", "guide__name"]
    search_help_text = _("Store or guide")
    ordering = ["-starts_at", "-pk"]
    inlines = [MoveInline]
    may_add = False
    empty_words = _("Guides book from a customer's card; it stands here then.")
    fields = ["show_member", "kind", "starts_at", "store", "guide", "show_state", "reason",
              "show_booked_by", "booked_at", "show_settled_by", "settled_at"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appointment]:
        rows = super().get_queryset(request).select_related("member", "store", "guide")
        return rows.annotate(booker=who_behind("booked_by"), settler=who_behind("settled_by"))

    @admin.display(description=_("booked by"))
    def show_booked_by(self, row: Any) -> str:
        return who_words(row.booked_by, row.booker, _OTHERS)

    @admin.display(description=_("settled by"))
    def show_settled_by(self, row: Any) -> str:
        return who_words(row.settled_by, row.settler, _OTHERS)
