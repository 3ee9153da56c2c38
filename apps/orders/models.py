"""What was bought: products, orders (never partitioned) and their lines (monthly)."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.orders.querysets import OrderLineQuerySet, OrderQuerySet


class Product(models.Model):
    """One sellable item: a style in a colour and a size."""

    sku = models.CharField(_("SKU"), max_length=40, unique=True)
    style_no = models.CharField(_("style"), max_length=30, db_index=True)
    name = models.CharField(_("name"), max_length=80)
    category = models.CharField(_("category"), max_length=40)
    colour = models.CharField(_("colour"), max_length=20, blank=True)
    size = models.CharField(_("size"), max_length=20, blank=True)
    season = models.CharField(_("season"), max_length=20, blank=True)
    tag_price_fen = models.BigIntegerField(_("tag price"))
    listed_at = models.DateTimeField(_("known since"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")

    def __str__(self) -> str:
        return f"{self.name} {self.colour} {self.size}".strip()


class Order(models.Model):
    """One till receipt or web order. A return is an order of its own with negative amounts, naming
    the original. `net_fen` is paid without freight; lines sum to it or the row is rejected."""

    class Kind(models.TextChoices):
        SALE = "sale", pgettext_lazy("order", "sale")
        RETURN = "return", pgettext_lazy("order", "return")

    source = models.CharField(_("source"), max_length=40)
    external_no = models.CharField(_("order number"), max_length=64)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.SALE)
    original = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("original order"),
    )
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("member"),
    )
    identity_id = models.BigIntegerField(null=True, editable=False)
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    selling_guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("selling guide"),
    )
    serving_guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("serving guide"),
    )
    paid_at = models.DateTimeField(_("paid at"))
    business_on = models.DateField(_("business day"))
    net_fen = models.BigIntegerField(_("net amount"))
    discount_fen = models.BigIntegerField(_("discount"), default=0)
    freight_fen = models.BigIntegerField(_("freight"), default=0)
    is_staff = models.BooleanField(_("staff purchase"), default=False)
    is_group_buy = models.BooleanField(_("group buy"), default=False)
    is_stored_value = models.BooleanField(_("stored value"), default=False)
    version = models.PositiveIntegerField(_("version"), default=1)
    content_hash = models.BinaryField(max_length=32, editable=False)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("Orders")
        indexes = [
            models.Index(fields=["member", "-paid_at"], name="orders_order_member"),
            models.Index(fields=["store", "business_on"], name="orders_order_store_day"),
            models.Index(fields=["recorded_at"], name="orders_order_recorded"),
            # a receipt is shown by its number alone
            models.Index(fields=["external_no"], name="orders_order_receipt"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_no"], name="orders_order_unique"),
            models.CheckConstraint(
                condition=Q(kind="sale", original=None) | Q(kind="return"),
                name="orders_sale_has_no_original",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.external_no}"


class OrderLine(models.Model):
    """One line, in the month of its `paid_at`. Never the target of a foreign key."""

    pk = models.CompositePrimaryKey("order_id", "line_no", "paid_at")
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="+")
    line_no = models.PositiveIntegerField(_("line"))
    paid_at = models.DateTimeField(_("paid at"))
    business_on = models.DateField(_("business day"))
    member_id = models.BigIntegerField(null=True)
    store_id = models.BigIntegerField()
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="+", null=True, verbose_name=_("product")
    )
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3)
    net_fen = models.BigIntegerField(_("net amount"))
    discount_fen = models.BigIntegerField(_("discount"), default=0)
    tag_fen = models.BigIntegerField(_("tag amount"), default=0)
    original_line_no = models.PositiveIntegerField(_("original line"), null=True)
    is_gift = models.BooleanField(_("gift"), default=False)

    objects = OrderLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        indexes = [
            models.Index(fields=["member_id", "paid_at"], name="orders_line_member"),
            BrinIndex(fields=["paid_at"], name="orders_line_paid"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.line_no}"
