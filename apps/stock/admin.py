"""Head office reads the stock that tills told and what stores keep for each other; it sets the
terms."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field

from apps.accounts.admin_base import ExportAdmin, RoomAdmin, RoomInline, StateColumn, who_words
from apps.accounts.capabilities import Capability
from apps.accounts.resource_base import MomentWidget, RoomResource
from apps.members.admin_base import MemberColumn
from apps.stock.models import (
    Reason,
    State,
    StockLevel,
    StockRequest,
    StockRequestMove,
    StockTerms,
)
from apps.stock.services.ending import BY_TILL
from apps.stores.selectors import who_behind

# who is no guide
_OTHERS = {BY_TILL: _("by the till")}


@admin.register(StockLevel)
class StockLevelAdmin(RoomAdmin):
    view_capability = Capability.VIEW_REPORTS
    list_display = ["product", "store", "quantity", "as_of"]
    list_filter = ["store__region"]
    list_select_related = ["product", "store"]
    search_fields = ["product__sku", "product__style_no", "store__code", "store__name"]
    search_help_text = _("SKU, style or store")
    ordering = ["-pk"]
    may_add = False
    fields = ["product", "store", "quantity", "as_of"]
    readonly_fields = ["product", "store", "quantity", "as_of"]
    empty_words = _("Stock comes by the interface: /api/v1/stock/batch.")


@admin.register(StockTerms)
class StockTermsAdmin(RoomAdmin):
    """One row: what is asked for from now on goes by it, what runs keeps what it was asked with."""

    view_capability = Capability.VIEW_REPORTS
    edit_capability = Capability.MANAGE_STORES
    list_display = ["__str__", "answer_minutes", "hold_hours", "travel_hours", "needs_manager",
                    "owners_ask_region", "hold_giver_percent", "send_giver_percent"]  # fmt: skip
    fields = ["answer_minutes", "hold_hours", "travel_hours", "needs_manager",
              "owners_ask_region", "hold_giver_percent", "send_giver_percent"]  # fmt: skip
    empty_words = _(
        "Until you save terms: 30 minutes to answer, kept 24 hours, 72 hours on the way, the "
        "giving store gets 50 % of what it keeps and 30 % of what it sends; between stores of two "
        "owners the regional manager agrees before it is sent."
    )

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_add_permission(request, obj) and not StockTerms.objects.exists()


class StockRequestResource(RoomResource):
    """Out alone; the customer by number."""

    labels = {
        "asked_at": _("asked at"),
        "kind": _("kind"),
        "state": _("state"),
        "reason": _("reason"),
        "sku": _("SKU"),
        "member": _("member number"),
        "asking_store": _("store that asks"),
        "asking_guide": _("asked by"),
        "giving_store": _("store that gives"),
        "giving_guide": _("found by"),
        "held_at": _("put aside at"),
        "sent_at": _("sent off at"),
        "arrived_at": _("arrived at"),
        "ended_at": _("ended at"),
        "giver_percent": _("the giving store's share, %"),
        "net": _("net amount"),
        "giver": _("the giving store's part"),
    }
    asked_at = Field("asked_at", "asked_at", MomentWidget())
    kind = Field("get_kind_display", "kind")
    state = Field("get_state_display", "state")
    reason = Field("get_reason_display", "reason")
    sku = Field("product__sku", "sku")
    member = Field("member__public_id", "member")
    asking_store = Field("asking_store__code", "asking_store")
    asking_guide = Field("asking_guide__name", "asking_guide")
    giving_store = Field("giving_store__code", "giving_store")
    giving_guide = Field("giving_guide__name", "giving_guide")
    held_at = Field("held_at", "held_at", MomentWidget())
    sent_at = Field("sent_at", "sent_at", MomentWidget())
    arrived_at = Field("arrived_at", "arrived_at", MomentWidget())
    ended_at = Field("ended_at", "ended_at", MomentWidget())
    giver_percent = Field("giver_percent", "giver_percent")
    net = Field("net_fen", "net")
    giver = Field("giver_fen", "giver")

    class Meta:
        model = StockRequest
        fields = ["asked_at", "kind", "state", "reason", "sku", "member", "asking_store",
                  "asking_guide", "giving_store", "giving_guide", "held_at", "sent_at",
                  "arrived_at", "ended_at", "giver_percent", "net", "giver"]  # fmt: skip
        export_order = fields

    def dehydrate_net(self, row: StockRequest) -> str:
        return _amount(row.net_fen)

    def dehydrate_giver(self, row: StockRequest) -> str:
        return _amount(row.giver_fen)


def _amount(fen: int | None) -> str:
    return "" if fen is None else f"{fen / 100:.2f}"


class StockMoveInline(RoomInline):
    """From the question to the order, each step with who took it."""

    model = StockRequestMove
    view_capability = Capability.VIEW_MEMBERS
    fields = ["at", "show_step", "show_who", "show_reason"]
    readonly_fields = ["at", "show_step", "show_who", "show_reason"]
    ordering = ["at", "pk"]
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockRequestMove]:
        return super().get_queryset(request).annotate(guide_name=who_behind("actor"))

    @admin.display(description=_("actor"))
    def show_who(self, row: Any) -> str:
        return who_words(row.actor, row.guide_name, _OTHERS)

    @admin.display(description=_("state"))
    def show_step(self, row: StockRequestMove) -> str:
        steps = (row.from_state, row.to_state)
        return " → ".join(str(State(one).label) for one in steps if one)

    @admin.display(description=_("reason"))
    def show_reason(self, row: StockRequestMove) -> str:
        return str(dict(Reason.choices).get(row.reason, ""))


@admin.register(StockRequest)
class StockRequestAdmin(MemberColumn, StateColumn, ExportAdmin):
    marks = {"sold": "on", "held": "on", "arrived": "on", "refused": "bad", "lapsed": "bad",
             "asked": "warn", "agreed": "warn", "sent": "warn"}  # fmt: skip
    view_capability = Capability.VIEW_MEMBERS
    export_capability = Capability.EXPORT_MEMBERS
    resource_classes = [StockRequestResource]
    list_display = ["asked_at", "kind", "product", "show_member", "asking_store", "giving_store",
                    "show_state", "show_share"]  # fmt: skip
    list_filter = ["state", "kind", "asked_at", "giving_store__region"]
    list_select_related = ["product", "member", "asking_store", "giving_store"]
    search_fields = ["product__sku", "product__style_no", "giving_store__code",
                     "giving_store__name", "asking_store__code", "asking_store__name"]  # fmt: skip
    search_help_text = _("SKU, style or store")
    ordering = ["-asked_at", "-pk"]
    inlines = [StockMoveInline]
    may_add = False
    empty_words = _("Guides ask from the page of goods in other stores; it stands here then.")
    fields = ["kind", "product", "show_member", "asking_store", "asking_guide", "giving_store",
              "giving_guide", "show_state", "reason", "needs_manager", "needs_region",
              "cleared_at", "show_share", "asked_at", "due_at", "held_at", "sent_at",
              "arrived_at", "ended_at", "order"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockRequest]:
        rows = super().get_queryset(request)
        return rows.select_related(
            "product", "member", "asking_store", "giving_store", "asking_guide", "giving_guide"
        )

    @admin.display(description=_("the giving store's share"))
    def show_share(self, row: StockRequest) -> str:
        """Agreed before; in yuan once the till has told."""
        if row.giver_fen is None:
            return f"{row.giver_percent}%"
        return f"{row.giver_percent}% · ¥{_amount(row.giver_fen)} / ¥{_amount(row.net_fen)}"
