"""积分: every movement as it was told, what is left of them by the day they end, and the terms."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.loyalty.querysets import PointsEntryQuerySet, PointsLotQuerySet

# what this product enters itself; whoever tells us by the interface names a source
OWN_SOURCE = ""


class PointsEntry(models.Model):
    """One movement of somebody's points. Never changed and never taken away: what was told in error
    is followed by an adjustment. Like an order it keeps the member it arrived with."""

    class Kind(models.TextChoices):
        EARNED = "earned", pgettext_lazy("points", "earned")
        SPENT = "spent", pgettext_lazy("points", "spent")
        ADJUSTED = "adjusted", pgettext_lazy("points", "adjusted")
        EXPIRED = "expired", pgettext_lazy("points", "expired")
        WELCOME = "welcome", pgettext_lazy("points", "given at joining")

    source = models.CharField(_("source"), max_length=40, blank=True)
    external_no = models.CharField(_("entry number"), max_length=64)
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("member"),
        db_index=False,
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    points = models.IntegerField(pgettext_lazy("points", "points"))
    occurred_at = models.DateTimeField(pgettext_lazy("points", "when"))
    expires_on = models.DateField(_("last day"), null=True, blank=True)
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("store"),
    )
    recorded_at = models.DateTimeField(_("told at"), db_default=Now(), editable=False)

    objects = PointsEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("points entry")
        verbose_name_plural = _("points entries")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["member", "occurred_at"], name="loyalty_points_of_member"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_no"], name="loyalty_points_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["earned", "welcome"], points__gt=0)
                | Q(kind__in=["spent", "expired"], points__lt=0)
                | (Q(kind="adjusted") & ~Q(points=0)),
                name="loyalty_points_sign",
            ),
            models.CheckConstraint(
                condition=Q(expires_on=None) | Q(points__gt=0), name="loyalty_points_end_of_gain"
            ),
        ]

    def __str__(self) -> str:
        return f"points_entry:{self.pk}"


class PointsLot(models.Model):
    """What is left of somebody's points that end on one day; without a day they do not end. Below
    zero, and then the only row: more was spent than there was.

    Worked out from the entries by whatever adds one; it stands here so that lists and rules can ask
    by day.
    """

    member = models.ForeignKey(
        "members.Member",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("member"),
        db_index=False,
    )
    expires_on = models.DateField(_("last day"), null=True)
    points = models.IntegerField(pgettext_lazy("points", "points"))

    objects = PointsLotQuerySet.as_manager()

    class Meta:
        verbose_name = _("points left")
        verbose_name_plural = _("points left")
        indexes = [
            # 到期提醒 and the rule ask for what ends soon
            models.Index(
                fields=["expires_on"],
                condition=Q(expires_on__isnull=False),
                name="loyalty_points_expiring",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "expires_on"], name="loyalty_lot_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(points__gt=0) | Q(points__lt=0, expires_on=None),
                name="loyalty_lot_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"points_lot:{self.pk}"


class PointsTerms(models.Model):
    """The one row of it; until head office saves it, what stands here as default counts."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    fen_per_point = models.PositiveSmallIntegerField(
        _("one point is worth, in fen"),
        default=1,
        validators=[MaxValueValidator(10_000)],
        help_text=_("0: points have no worth in money, pages show their number alone."),
    )
    welcome_points = models.PositiveIntegerField(
        _("points at joining"),
        default=0,
        validators=[MaxValueValidator(1_000_000)],
        help_text=_("Who joins gets them at once, once. 0: none."),
    )
    welcome_days = models.PositiveSmallIntegerField(
        _("days until those end"),
        default=365,
        validators=[MinValueValidator(1), MaxValueValidator(3_650)],
    )

    class Meta:
        verbose_name = _("terms of points")
        verbose_name_plural = _("terms of points")
        constraints = [
            models.CheckConstraint(condition=Q(only=True), name="loyalty_terms_one_row"),
        ]

    def __str__(self) -> str:
        return str(_("Terms of points"))

    @classmethod
    def current(cls) -> "PointsTerms":
        return cls.objects.first() or cls()
