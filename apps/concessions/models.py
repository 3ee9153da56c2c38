"""特批 (concessions): what one customer is granted beyond the terms: goods taken back late, a
discount. Asked by a guide, decided by whoever the limits name, used once at the till."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.concessions.querysets import ConcessionQuerySet
from apps.stores.models import Asked, AskLevel

PERCENT_MOST = 90


class Kind(models.TextChoices):
    RETURN = "late_return", pgettext_lazy("concession", "Late return")
    DISCOUNT = "discount", pgettext_lazy("concession", "Discount")


class Reason(models.TextChoices):
    QUALITY = "quality", pgettext_lazy("concession", "Something is wrong with the goods")
    LOYAL = "loyal", pgettext_lazy("concession", "TA has bought with us for long")
    GIFT = "gift", pgettext_lazy("concession", "It was a present")
    AWAY = "away", pgettext_lazy("concession", "TA could not come earlier")
    LAST_PIECE = "last_piece", pgettext_lazy("concession", "Display or last piece")
    MAKE_GOOD = "make_good", pgettext_lazy("concession", "To make good for a mistake of ours")


class State(models.TextChoices):
    WAITING = "waiting", _("waiting for approval")
    GRANTED = "granted", pgettext_lazy("concession", "granted")
    USED = "used", pgettext_lazy("concession", "used at the till")
    REFUSED = "refused", _("refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("concession", "taken back")


class Concession(Asked):
    """One wish of one customer. A late return names its order, a discount its percentage; `level`
    is who decides by the limits of the hour in which it was asked."""

    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    # what is to come back
    order = models.ForeignKey(
        "orders.Order",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("order"),
        db_index=False,
    )
    percent = models.PositiveSmallIntegerField(_("discount, %"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    level = models.CharField(_("decided by the"), max_length=6, choices=AskLevel.choices)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    # the return, or the sale that took the discount; it says when
    used_order = models.ForeignKey(
        "orders.Order",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("used by the order"),
        db_index=False,
    )

    objects = ConcessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("concession")
        verbose_name_plural = _("concessions")
        indexes = [
            models.Index(
                fields=["store", "asked_at"],
                condition=Q(state="waiting"),
                name="concessions_waiting",
            ),
            models.Index(
                fields=["order"],
                condition=Q(state="granted"),
                name="concessions_order",
            ),
            models.Index(fields=["-asked_at", "-id"], name="concessions_latest"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "kind", "store"],
                condition=Q(state="waiting"),
                name="concessions_one_waiting",
            ),
            models.CheckConstraint(
                condition=Q(kind="late_return", percent=None, order__isnull=False)
                | Q(kind="discount", percent__gte=1, percent__lte=PERCENT_MOST, order=None),
                name="concessions_percent_or_order",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None)
                | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="concessions_decided_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["granted", "used"]) | Q(valid_until__isnull=False),
                name="concessions_granted_has_day",
            ),
            models.CheckConstraint(
                condition=Q(state="used", used_order__isnull=False)
                | (~Q(state="used") & Q(used_order=None)),
                name="concessions_used_by_an_order",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """What other rooms and the record call it."""
        return f"concession:{self.pk}"


class ConcessionTerms(models.Model):
    """The one row of it; until head office saves it, what stands here as default counts."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    store_percent = models.PositiveSmallIntegerField(
        _("a store's manager grants up to, %"),
        default=10,
        validators=[MaxValueValidator(PERCENT_MOST)],
    )
    region_percent = models.PositiveSmallIntegerField(
        _("a regional manager grants up to, %"),
        default=20,
        validators=[MaxValueValidator(PERCENT_MOST)],
        help_text=_("More is for head office."),
    )
    store_days = models.PositiveSmallIntegerField(
        _("a store's manager takes back until day"),
        default=60,
        validators=[MaxValueValidator(720)],
        help_text=_("Days since the purchase; later the regional manager decides."),
    )
    valid_days = models.PositiveSmallIntegerField(
        _("valid for so many days"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
    )

    class Meta:
        verbose_name = _("limits of concessions")
        verbose_name_plural = _("limits of concessions")
        constraints = [
            models.CheckConstraint(condition=Q(only=True), name="concession_terms_one_row"),
            models.CheckConstraint(
                condition=Q(store_percent__lte=F("region_percent")),
                name="concession_terms_store_below_region",
                violation_error_message=_("A store's limit is not above the region's."),
            ),
        ]

    def __str__(self) -> str:
        return str(_("Limits of concessions"))

    @classmethod
    def current(cls) -> "ConcessionTerms":
        return cls.objects.first() or cls()
