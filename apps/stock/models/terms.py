"""What head office has set for 留货 and 调货. A request keeps the terms of its hour."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.stock.models.requests import Kind
from apps.stores.models import Store


class StockTerms(models.Model):
    """The one row of it; until head office saves it, what stands here as default counts."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    answer_minutes = models.PositiveSmallIntegerField(
        _("minutes to answer"),
        default=30,
        validators=[MinValueValidator(5), MaxValueValidator(1_440)],
        help_text=_("The customer waits. Without an answer in time the request lapses."),
    )
    hold_hours = models.PositiveSmallIntegerField(
        _("hours a piece is kept"),
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
        help_text=_("From the store's yes, and once more from its arrival in the other store."),
    )
    travel_hours = models.PositiveSmallIntegerField(
        _("hours on the way at most"),
        default=72,
        validators=[MinValueValidator(1), MaxValueValidator(480)],
    )
    needs_manager = models.BooleanField(
        _("the store's manager has to agree"),
        default=False,
        help_text=_("If off, anybody who works in the store that has the piece may say yes."),
    )
    owners_ask_region = models.BooleanField(
        _("between stores of two owners the regional manager has to agree"),
        default=True,
        help_text=_("Before a piece is sent; what is kept for a customer stays where it is."),
    )
    hold_giver_percent = models.PositiveSmallIntegerField(
        _("kept: the giving store's share of the sale, %"),
        default=50,
        validators=[MaxValueValidator(100)],
    )
    send_giver_percent = models.PositiveSmallIntegerField(
        _("sent: the giving store's share of the sale, %"),
        default=30,
        validators=[MaxValueValidator(100)],
    )

    class Meta:
        verbose_name = _("terms of keeping and sending")
        verbose_name_plural = _("terms of keeping and sending")
        constraints = [
            models.CheckConstraint(condition=Q(only=True), name="stock_terms_one_row"),
            models.CheckConstraint(
                condition=Q(hold_giver_percent__lte=100, send_giver_percent__lte=100),
                name="stock_terms_percent",
            ),
        ]

    def __str__(self) -> str:
        return str(_("Terms of keeping and sending"))

    def giver_percent(self, kind: str) -> int:
        return self.hold_giver_percent if kind == Kind.HOLD else self.send_giver_percent

    def needs_region(self, kind: str, here: Store, there: Store) -> bool:
        """Whether a piece that goes from one store to the other changes its owner."""
        if kind != Kind.SEND or not self.owners_ask_region:
            return False
        return here.legal_entity_id != there.legal_entity_id

    @classmethod
    def current(cls) -> "StockTerms":
        return cls.objects.first() or cls()
