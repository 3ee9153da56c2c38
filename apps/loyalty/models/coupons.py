"""Coupons, and each one that a member got."""

import secrets
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core import clock
from apps.loyalty.querysets import CouponIssueQuerySet, CouponQuerySet
from apps.stores.models import Store

CODE_DIGITS = 16
# what a coupon is worth: promised to whoever has one
PROMISED = ("benefit", "off_fen", "from_fen", "gift", "by_hand", "terms")
ALREADY_GIVEN = _("Given already, so this cannot change. Stop it and add another one.")


def new_code() -> str:
    """Sixteen digits: a till without a scanner types them, nobody guesses one that is given."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


class Coupon(models.Model):
    """券: what it is worth, how long, where, how many there are and who gives them.

    The goods have one price for everybody; who gets which coupon is what this row and the issues
    show, so it can be reviewed.
    """

    class Benefit(models.TextChoices):
        MONEY_OFF = "money_off", _("money off")
        GIFT = "gift", pgettext_lazy("coupon", "gift")

    name = models.CharField(_("name"), max_length=40, unique=True)
    benefit = models.CharField(
        _("benefit"), max_length=10, choices=Benefit.choices, default=Benefit.MONEY_OFF
    )
    off_fen = models.PositiveIntegerField(_("money off"), default=0)
    from_fen = models.PositiveIntegerField(_("from an amount of"), default=0)
    gift = models.CharField(pgettext_lazy("coupon", "gift"), max_length=60, blank=True)
    by_hand = models.BooleanField(
        _("handed over by the guide"),
        default=False,
        help_text=_("A gift that needs no purchase: no code and no till, one tap of the guide."),
    )
    terms = models.CharField(_("how it is used"), max_length=120, blank=True)
    starts_on = models.DateField(_("first day"), null=True, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    valid_days = models.PositiveSmallIntegerField(
        _("days from giving"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Instead of a last day. The day of giving is not counted."),
    )
    stock = models.PositiveIntegerField(_("how many in all"), validators=[MinValueValidator(1)])
    issued = models.PositiveIntegerField(
        pgettext_lazy("coupon", "given"), default=0, editable=False
    )
    per_member = models.PositiveSmallIntegerField(
        _("per member at most"), default=1, validators=[MinValueValidator(1)]
    )
    for_guides = models.BooleanField(_("guides give it"), default=True)
    for_welcome = models.BooleanField(
        _("welcome benefit"), default=False, help_text=_("Who joins gets it at once, once.")
    )
    stores = models.ManyToManyField(
        "stores.Store",
        related_name="+",
        blank=True,
        verbose_name=_("stores where it counts"),
        help_text=_("None chosen: it counts everywhere."),
    )
    is_active = models.BooleanField(
        pgettext_lazy("coupon", "active"),
        default=True,
        help_text=_("A stopped coupon is given to nobody any more; those given stay valid."),
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    objects = CouponQuerySet.as_manager()

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        ordering = ["name"]
        constraints = [
            # whatever the code above does: never more than there are
            models.CheckConstraint(
                condition=Q(issued__lte=F("stock")), name="loyalty_not_oversold"
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None, valid_days__isnull=False)
                | Q(ends_on__isnull=False, valid_days=None),
                name="loyalty_coupon_one_end",
            ),
            models.CheckConstraint(
                condition=Q(benefit="money_off", off_fen__gt=0, gift="")
                | (Q(benefit="gift", off_fen=0, from_fen__gte=0) & ~Q(gift="")),
                name="loyalty_coupon_worth",
            ),
            # what asks for a purchase is the till's to judge
            models.CheckConstraint(
                condition=Q(by_hand=False) | Q(benefit="gift", from_fen=0),
                name="loyalty_coupon_by_hand",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """`issued` is counted by giving alone: the number that a form or a sheet read a moment ago
        is never written back."""
        if not self._state.adding and kwargs.get("update_fields") is None:
            unread = self.get_deferred_fields()
            kwargs["update_fields"] = [
                field.name
                for field in self._meta.concrete_fields
                if field.name != "issued" and not field.primary_key and field.attname not in unread
            ]
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        problems: dict[str, object] = {}
        if self.benefit == self.Benefit.MONEY_OFF:
            self.gift, self.by_hand = "", False
            if not self.off_fen:
                problems["off_fen"] = _("Say how much it takes off.")
            elif self.from_fen and self.from_fen < self.off_fen:
                problems["from_fen"] = _("This is less than what it takes off.")
        else:
            self.off_fen = 0
            if not self.gift.strip():
                problems["gift"] = _("Say what the gift is.")
            if self.by_hand and self.from_fen:
                problems["by_hand"] = _("A gift from an amount on is the till's. Leave one out.")
        if (self.ends_on is None) == (self.valid_days is None):
            problems["ends_on"] = _("Give either a last day or a number of days.")
        elif self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            problems["ends_on"] = _("It ends before it begins.")
        if self.stock is not None and self.stock < self.issued:
            problems["stock"] = _("%(n)s are given already.") % {"n": self.issued}
        problems.update(dict.fromkeys(self._broken_promises(), ALREADY_GIVEN))
        if problems:
            raise ValidationError(problems)

    def _broken_promises(self) -> list[str]:
        """What those who have one were told otherwise, by the columns."""
        rows = Coupon.objects.filter(pk=self.pk, issued__gt=0)
        if transaction.get_connection().in_atomic_block:
            # held until it is saved: none is given with the old words meanwhile
            rows = rows.select_for_update(no_key=True)
        promised = rows.values(*PROMISED).first() or {}
        return [name for name, value in promised.items() if getattr(self, name) != value]

    def takes_away(self, stores: Collection[Store]) -> bool:
        """Would one that was given count in fewer stores, were it these?"""
        if not self.issued or not stores:
            return False
        promised = set(self.stores.all())
        return not promised or not promised <= set(stores)

    @property
    def left(self) -> int:
        return self.stock - self.issued

    def is_over(self, *, on: date) -> bool:
        return self.ends_on is not None and self.ends_on < on

    def validity(self, *, now: datetime) -> tuple[datetime, datetime]:
        """From when (in) until when (out) one given now counts, in days of the chain."""
        begins = now
        if self.starts_on is not None:
            begins = max(now, clock.day_start(self.starts_on))
        last = self.ends_on
        if last is None:
            last = clock.business_day(begins) + timedelta(days=self.valid_days or 0)
        return begins, clock.day_bounds(last)[1]


class CouponIssue(models.Model):
    """One coupon of one member. `cause` says why it was given, and is unique for each coupon: the
    same cause never gives a second one."""

    class State(models.TextChoices):
        USABLE = "usable", pgettext_lazy("coupon", "can be used")
        LATER = "later", pgettext_lazy("coupon", "not yet")
        USED = "used", pgettext_lazy("coupon", "used")
        EXPIRED = "expired", pgettext_lazy("coupon", "expired")
        WITHDRAWN = "withdrawn", pgettext_lazy("coupon", "taken back")

    coupon = models.ForeignKey(
        Coupon, on_delete=models.PROTECT, related_name="+", verbose_name=_("coupon")
    )
    member = models.ForeignKey(
        "members.Member", on_delete=models.PROTECT, related_name="+", verbose_name=_("member")
    )
    code = models.CharField(max_length=CODE_DIGITS, unique=True, default=new_code, editable=False)
    cause = models.CharField(_("cause"), max_length=90)
    # what it was given with many others for: a push is `task_push:7`
    batch = models.CharField(max_length=30, blank=True, editable=False)
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("given by"),
    )
    issued_at = models.DateTimeField(pgettext_lazy("coupon", "given at"))
    starts_at = models.DateTimeField(_("counts from"))
    expires_at = models.DateTimeField(_("counts until"))
    # never told of: it ended and is in stock again, and counts as if it had not been given
    withdrawn_at = models.DateTimeField(pgettext_lazy("coupon", "taken back at"), null=True)
    # the causes of the messages that tell of it, first its own: one called off takes its own away,
    # and the coupon ends with the last of them
    promises = ArrayField(models.CharField(max_length=90), default=list, editable=False)
    opened_at = models.DateTimeField(_("seen by the member"), null=True)
    used_at = models.DateTimeField(_("used at"), null=True)
    order = models.ForeignKey(
        "orders.Order",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("order"),
    )
    # a gift that no till sees: who handed it over
    handed_by = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("handed over by"),
    )

    objects = CouponIssueQuerySet.as_manager()

    class Meta:
        verbose_name = _("coupon given")
        verbose_name_plural = _("coupons given")
        ordering = ["-issued_at", "-pk"]
        indexes = [
            models.Index(fields=["coupon", "member"], name="loyalty_issue_of_member"),
            # 到期提醒 asks for what is unused and ends soon
            models.Index(
                fields=["expires_at"], condition=Q(used_at=None), name="loyalty_issue_expiring"
            ),
            models.Index(fields=["batch"], condition=~Q(batch=""), name="loyalty_issue_of_batch"),
            # a message called off asks what it promised and nobody saw
            GinIndex(
                fields=["promises"],
                condition=Q(opened_at=None, used_at=None, withdrawn_at=None),
                name="loyalty_issue_promised",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["cause", "coupon"], name="loyalty_one_per_cause"),
            models.CheckConstraint(
                condition=Q(used_at=None, order=None, handed_by=None)
                | Q(used_at__isnull=False, order__isnull=False, handed_by=None)
                | Q(used_at__isnull=False, order=None, handed_by__isnull=False),
                name="loyalty_used_once",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(used_at=None), name="loyalty_withdrawn_unused"
            ),
        ]

    def __str__(self) -> str:
        return f"coupon_issue:{self.pk}"

    @property
    def source(self) -> str:
        return f"coupon_issue:{self.pk}"

    def state(self, *, now: datetime) -> "CouponIssue.State":
        if self.used_at is not None:
            return self.State.USED
        if self.withdrawn_at is not None:
            return self.State.WITHDRAWN
        if self.expires_at <= now:
            return self.State.EXPIRED
        return self.State.LATER if self.starts_at > now else self.State.USABLE

    @property
    def last_day(self) -> date:
        """The last day on which it counts."""
        return clock.business_day(self.expires_at - timedelta(microseconds=1))

    @property
    def printed_code(self) -> str:
        """1234 5678 9012 3456"""
        return " ".join(self.code[place : place + 4] for place in range(0, CODE_DIGITS, 4))
