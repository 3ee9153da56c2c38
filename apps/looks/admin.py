"""Head office reads which looks guides make and what comes of them."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts.admin_base import RoomAdmin, RoomInline
from apps.accounts.capabilities import Capability
from apps.looks.models import Look, LookItem
from apps.looks.selectors import Results, results_of


class PieceInline(RoomInline):
    model = LookItem
    view_capability = Capability.VIEW_PUSHES
    fields = ["product", "show_price"]
    readonly_fields = ["product", "show_price"]
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[LookItem]:
        return super().get_queryset(request).select_related("product")

    @admin.display(description=_("tag price"))
    def show_price(self, row: LookItem) -> str:
        return f"¥{row.product.tag_price_fen / 100:,.2f}"


@admin.register(Look)
class LookAdmin(RoomAdmin):
    view_capability = Capability.VIEW_PUSHES
    list_display = ["title", "show_pieces", "guide", "store", "created_at", "show_asked",
                    "show_delivered", "show_opened", "show_bought"]  # fmt: skip
    list_filter = ["created_at", "store__region"]
    list_select_related = ["guide", "store"]
    search_fields = ["title", "guide__name", "store__name"]
    search_help_text = _("Title, guide or store")
    ordering = ["-created_at", "-pk"]
    inlines = [PieceInline]
    may_add = False
    empty_words = _("Guides put looks together under Tools; they stand here then.")
    fields = ["title", "words", "guide", "store", "copied_from", "created_at"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page's rows get what came of them, in one query for all."""
        changelist = super().get_changelist_instance(request)
        looks: list[Any] = list(changelist.result_list)
        found = results_of(look_ids=[look.pk for look in looks])
        for look in looks:
            look.results = found.get(look.pk, Results())
        changelist.result_list = looks
        return changelist

    def get_queryset(self, request: HttpRequest) -> QuerySet[Look]:
        pieces = LookItem.objects.filter(look_id=OuterRef("pk")).order_by().values("look_id")
        counted = pieces.annotate(n=Count("pk")).values("n")
        return super().get_queryset(request).annotate(pieces=Subquery(counted))

    @admin.display(description=_("pieces"))
    def show_pieces(self, row: Any) -> int:
        return int(row.pieces or 0)

    @admin.display(description=pgettext_lazy("look", "sent off"))
    def show_asked(self, row: Any) -> int:
        return int(row.results.asked)

    @admin.display(description=pgettext_lazy("look", "delivered"))
    def show_delivered(self, row: Any) -> int:
        return int(row.results.delivered)

    @admin.display(description=pgettext_lazy("look", "opened"))
    def show_opened(self, row: Any) -> int:
        return int(row.results.opened)

    @admin.display(description=pgettext_lazy("look", "bought within 14 days"))
    def show_bought(self, row: Any) -> int:
        return int(row.results.bought)
