"""库存: how many pieces of which goods a store has, as its till last said."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class StockLevel(models.Model):
    """The latest word alone: an older one that arrives later changes nothing. Tills count below
    zero when goods were not booked in; pages show what is above."""

    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    product = models.ForeignKey(
        "orders.Product",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("product"),
        db_index=False,
    )
    quantity = models.IntegerField(_("pieces in stock"))
    as_of = models.DateTimeField(_("counted at"))
    # sold out, and there again since then; a first count is no arrival
    back_at = models.DateTimeField(_("back since"), null=True, editable=False)

    class Meta:
        verbose_name = _("stock")
        verbose_name_plural = _("stock")
        indexes = [
            models.Index(fields=["product"], condition=Q(quantity__gt=0), name="stock_level_there"),
            models.Index(
                fields=["back_at"],
                condition=Q(quantity__gt=0, back_at__isnull=False),
                name="stock_level_back",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["store", "product"], name="stock_level_once"),
        ]

    def __str__(self) -> str:
        return f"stock:{self.store_id}:{self.product_id}"
