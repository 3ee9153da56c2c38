"""Products and orders, read only: facts come from the till and the mall."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.core.money import format_fen
from apps.orders.models import Order, Product


@admin.register(Product)
class ProductAdmin(RoomAdmin):
    view_capability = Capability.VIEW_REPORTS
    list_display = ["name", "style_no", "colour", "size", "category", "season", "show_price"]
    list_filter = ["category", "season"]
    search_fields = ["sku", "style_no", "name"]
    ordering = ["style_no", "colour", "size"]

    @admin.display(description=_("tag price"), ordering="tag_price_fen")
    def show_price(self, row: Product) -> str:
        return format_fen(row.tag_price_fen)


@admin.register(Order)
class OrderAdmin(RoomAdmin):
    view_capability = Capability.VIEW_ORDERS
    list_display = ["external_no", "kind", "paid_at", "store", "selling_guide", "show_net",
                    "recorded_at"]  # fmt: skip
    list_filter = ["kind", "source", "store"]
    list_select_related = ["store", "selling_guide"]
    search_fields = ["external_no"]
    ordering = ["-paid_at"]
    fields = ["source", "external_no", "kind", "original", "store", "selling_guide",
              "serving_guide", "paid_at", "business_on", "show_net", "is_staff", "is_group_buy",
              "is_stored_value", "recorded_at"]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return super().get_queryset(request).select_related("store", "selling_guide")

    @admin.display(description=_("net amount"), ordering="net_fen")
    def show_net(self, row: Order) -> str:
        return format_fen(row.net_fen)
