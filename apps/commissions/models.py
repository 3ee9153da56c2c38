"""佣金: who gets which share of a sale, as a ledger. Lines are added, never changed or deleted."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.commissions.querysets import (
    CommissionQuestionQuerySet,
    CommissionTotalQuerySet,
    OwnQuerySet,
)
from apps.core import clock

WHOLE = 10_000  # basis points
ALREADY_COUNTS = _("This rule counts already: end it and add another one instead.")


class CommissionRule(models.Model):
    """One share of the net amount of a sale's lines, for one party, within a period.

    Of the rules that fit a line, one counts for each party: the highest priority, then the
    narrowest scope, then the newest. Once begun, only the name and the last day may change.
    """

    class Party(models.TextChoices):
        SELLING = "selling", pgettext_lazy("commission", "selling guide")
        SERVING = "serving", pgettext_lazy("commission", "serving guide")

    class Scope(models.TextChoices):
        ALL = "all", pgettext_lazy("commission", "all goods")
        CATEGORY = "category", pgettext_lazy("commission", "one category")
        STYLE = "style", pgettext_lazy("commission", "one style")

    name = models.CharField(_("name"), max_length=40)
    party = models.CharField(pgettext_lazy("commission", "for"), max_length=8, choices=Party)
    scope = models.CharField(
        pgettext_lazy("commission", "goods"), max_length=8, choices=Scope, default=Scope.ALL
    )
    category = models.CharField(_("category"), max_length=40, blank=True)
    style_no = models.CharField(_("style"), max_length=30, blank=True)
    rate_bp = models.PositiveSmallIntegerField(pgettext_lazy("commission", "rate"))
    priority = models.SmallIntegerField(
        _("priority"), default=0, help_text=_("Of several rules that fit, the highest counts.")
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    made_at = models.DateTimeField(_("added at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("commission rule")
        verbose_name_plural = _("commission rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(rate_bp__gte=1, rate_bp__lte=5_000), name="commissions_rate_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="commissions_rule_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(scope="all", category="", style_no="")
                | (Q(scope="category", style_no="") & ~Q(category=""))
                | (Q(scope="style", category="") & ~Q(style_no="")),
                name="commissions_scope_names_its_goods",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def percent(self) -> str:
        """150 → 1.5%"""
        return percent_of(self.rate_bp)

    def has_begun(self, *, on: date) -> bool:
        return self.starts_on <= on

    def clean(self) -> None:
        """What was counted by a rule stays explainable by it: the past is never rewritten."""
        today, wrong = clock.today(), {}
        if self.scope == self.Scope.CATEGORY and not self.category:
            wrong["category"] = _("Say which category.")
        if self.scope == self.Scope.STYLE and not self.style_no:
            wrong["style_no"] = _("Say which style.")
        if self.scope != self.Scope.CATEGORY:
            self.category = ""
        if self.scope != self.Scope.STYLE:
            self.style_no = ""
        wrong |= self._wrong_days(today)
        if wrong:
            raise ValidationError(wrong)

    def _wrong_days(self, today: date) -> dict[str, Any]:
        if self.starts_on is None:
            return {}
        if self.ends_on is not None and self.ends_on < self.starts_on:
            return {"ends_on": _("The last day is before the first.")}
        before = CommissionRule.objects.filter(pk=self.pk).first() if self.pk else None
        if before is None or not before.has_begun(on=today):
            if self.starts_on <= today:
                return {"starts_on": _("A rule begins tomorrow at the earliest.")}
            return {}
        wrong: dict[str, Any] = {
            name: ALREADY_COUNTS for name in _FIXED if getattr(before, name) != getattr(self, name)
        }
        if self.ends_on != before.ends_on and not self._may_end(before.ends_on, today):
            wrong["ends_on"] = _("What was counted stays: the last day may not be in the past.")
        return wrong

    def _may_end(self, before: date | None, today: date) -> bool:
        over = before is not None and before < today
        return not over and (self.ends_on is None or self.ends_on >= today)


_FIXED = ("party", "scope", "category", "style_no", "rate_bp", "priority", "starts_on")


def percent_of(basis_points: int) -> str:
    return f"{(Decimal(basis_points) / 100).normalize():f}%"


class DueOrder(models.Model):
    """An order that came in or changed, by its sale, until its commission is counted."""

    sale_id = models.BigIntegerField()
    noted_at = models.DateTimeField()

    class Meta:
        verbose_name = _("order to count")
        verbose_name_plural = _("orders to count")

    def __str__(self) -> str:
        return f"order:{self.sale_id}"


class CommissionLine(models.Model):
    """One entry: a guide's share of an order line by a rule. `order` is the sale or the return,
    `sale` and `sale_line_no` the line it began with; entries with the same ones belong together.

    `base_fen` × `rate_bp` was rounded over all of the sale line, so parts returned add up. `seq`
    counts the entries that differ in nothing but amounts: a correction by the till is another one.
    """

    class Kind(models.TextChoices):
        SALE = "sale", pgettext_lazy("commission", "sale")
        REFUND = "refund", pgettext_lazy("commission", "return")
        CORRECTION = "correction", pgettext_lazy("commission", "correction")

    sale = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    sale_line_no = models.PositiveIntegerField()
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    line_no = models.PositiveIntegerField()
    rule = models.ForeignKey(
        CommissionRule, on_delete=models.PROTECT, related_name="+", verbose_name=_("rule")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    product = models.ForeignKey(
        "orders.Product", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    seq = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    base_fen = models.BigIntegerField()
    rate_bp = models.PositiveSmallIntegerField()
    amount_fen = models.BigIntegerField()
    business_on = models.DateField()
    month = models.DateField()
    booked_at = models.DateTimeField()

    objects = OwnQuerySet.as_manager()

    class Meta:
        verbose_name = _("commission line")
        verbose_name_plural = _("commission lines")
        indexes = [
            models.Index(
                fields=["guide", "month", "-business_on", "-id"], name="commissions_line_guide"
            ),
        ]
        constraints = [
            # begins with the order: entries are also found by the return they are of
            models.UniqueConstraint(
                fields=[
                    *("order", "line_no", "rule", "guide"),
                    *("sale", "sale_line_no", "store", "product", "seq"),
                ],
                name="commissions_line_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"commission_line:{self.pk}"


class CommissionTotal(models.Model):
    """Sums of a month by store and guide, kept by the statement that adds the lines."""

    month = models.DateField(_("month"))
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    sales_fen = models.BigIntegerField(default=0)
    refunds_fen = models.BigIntegerField(default=0)
    corrections_fen = models.BigIntegerField(default=0)
    lines = models.IntegerField(default=0)

    objects = CommissionTotalQuerySet.as_manager()

    class Meta:
        verbose_name = _("commission of a month")
        verbose_name_plural = _("commission of months")
        constraints = [
            models.UniqueConstraint(
                fields=["month", "store", "guide"], name="commissions_total_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} guide:{self.guide_id}"


class CommissionMonth(models.Model):
    """A month that head office closed: its lines are settled, what comes later is in the next."""

    month = models.DateField(_("month"), unique=True)
    closed_at = models.DateTimeField(_("closed at"))
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True
    )
    lines = models.IntegerField()
    amount_fen = models.BigIntegerField()

    class Meta:
        verbose_name = _("closed month")
        verbose_name_plural = _("closed months")

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class CommissionQuestion(models.Model):
    """有疑问: a guide asks head office about a line of their own; one at a time."""

    line = models.ForeignKey(CommissionLine, on_delete=models.PROTECT, related_name="+")
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    words = models.CharField(_("question"), max_length=200)
    asked_at = models.DateTimeField(_("asked at"))
    answer = models.CharField(_("answer"), max_length=300, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True
    )

    objects = CommissionQuestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("question about commission")
        verbose_name_plural = _("questions about commission")
        indexes = [models.Index(fields=["answered_at", "-asked_at"], name="commissions_asked")]
        constraints = [
            models.UniqueConstraint(
                fields=["line"],
                condition=Q(answered_at=None),
                name="commissions_one_open_question",
            ),
            models.CheckConstraint(
                condition=Q(answered_at=None, answer="")
                | (Q(answered_at__isnull=False) & ~Q(answer="")),
                name="commissions_answered_with_words",
            ),
        ]

    def __str__(self) -> str:
        return f"commission_question:{self.pk}"
