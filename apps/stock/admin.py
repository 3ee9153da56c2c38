"""Head office reads the stock that tills told."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.accounts.admin_base import RoomAdmin
from apps.accounts.capabilities import Capability
from apps.stock.models import StockLevel


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
