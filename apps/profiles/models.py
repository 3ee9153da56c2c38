"""What the facts say about a survivor: a narrow hot row that changes with every order, and the
stage rule."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.profiles.querysets import MemberProfileQuerySet


class Stage(models.TextChoices):
    PROSPECT = "prospect", pgettext_lazy("stage", "no purchase yet")
    NEW = "new", pgettext_lazy("stage", "new")
    ACTIVE = "active", pgettext_lazy("stage", "active")
    SILENT = "silent", pgettext_lazy("stage", "silent")
    LOST = "lost", pgettext_lazy("stage", "lost")


class StageVersion(models.Model):
    """One published set of stage limits, in days. A stage is a pure function of (facts, date,
    version)."""

    new_days = models.PositiveIntegerField(_("new for days after first order"), default=60)
    silent_after_days = models.PositiveIntegerField(_("silent after days"), default=90)
    lost_after_days = models.PositiveIntegerField(_("lost after days"), default=540)
    published_at = models.DateTimeField(_("published at"))

    class Meta:
        verbose_name = _("stage version")
        verbose_name_plural = _("stage versions")
        constraints = [
            models.CheckConstraint(
                condition=Q(lost_after_days__gt=models.F("silent_after_days")),
                name="profiles_stage_limits_in_order",
            )
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"


class MemberProfile(models.Model):
    """Numbers of one survivor, order view (订单口径), staff and group-buy orders left out.

    Days are chain days. `order_days` counts distinct days with a net-positive order; `net_fen` is
    the lifetime net, `net_365_fen` that of the last 365 days at the last refresh. Narrow on
    purpose (fillfactor 80, one index): audience rules never get an index here.
    """

    member_id = models.BigIntegerField(primary_key=True)
    stage = models.CharField(
        _("stage"), max_length=10, choices=Stage.choices, default=Stage.PROSPECT
    )
    stage_since = models.DateField(_("stage since"), null=True)
    stage_version_id = models.BigIntegerField(null=True)
    first_order_on = models.DateField(_("first order"), null=True)
    last_order_on = models.DateField(_("last order"), null=True)
    order_count = models.IntegerField(_("orders"), default=0)
    order_days = models.IntegerField(_("order days"), default=0)
    net_fen = models.BigIntegerField(_("net spend"), default=0)
    net_365_fen = models.BigIntegerField(_("net spend in 365 days"), default=0)
    orders_365 = models.IntegerField(_("orders in 365 days"), default=0)

    objects = MemberProfileQuerySet.as_manager()

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        indexes = [models.Index(fields=["last_order_on"], name="profiles_last_order")]

    def __str__(self) -> str:
        return f"profile of member:{self.member_id}"


class MemberFacts(models.Model):
    """The slower rest: what the purchases say about taste, kept beside the hot row."""

    member_id = models.BigIntegerField(primary_key=True)
    usual_gap_days = models.IntegerField(_("usual days between purchases"), null=True)
    favourite_category = models.CharField(_("favourite category"), max_length=40, blank=True)
    shoe_size = models.CharField(_("shoe size"), max_length=20, blank=True)
    clothing_size = models.CharField(_("clothing size"), max_length=20, blank=True)
    last_product_id = models.BigIntegerField(null=True)
    last_store_id = models.BigIntegerField(null=True)

    objects = MemberProfileQuerySet.as_manager()

    class Meta:
        verbose_name = _("facts")
        verbose_name_plural = _("facts")

    def __str__(self) -> str:
        return f"facts of member:{self.member_id}"


class ReturnShare(models.Model):
    """One cell of the shares that came back, as counted last (`apps.profiles.chances`)."""

    away_from = models.PositiveSmallIntegerField(_("days since the last purchase, from"))
    orders_from = models.PositiveSmallIntegerField(_("purchase days, from"))
    members = models.PositiveIntegerField(_("members"))
    returned = models.PositiveIntegerField(_("came back"))
    counted_on = models.DateField(_("counted on"))

    class Meta:
        verbose_name = _("share that comes back")
        verbose_name_plural = _("shares that come back")
        constraints = [
            models.UniqueConstraint(
                fields=["away_from", "orders_from"], name="profiles_one_share_per_cell"
            ),
            models.CheckConstraint(
                condition=Q(returned__lte=models.F("members")), name="profiles_share_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.returned}/{self.members} from {self.away_from} days, {self.orders_from}"
