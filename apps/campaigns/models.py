"""Why: a campaign carries goal, window and control share, and remembers who was drawn into which
arm."""

import secrets

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.campaigns.querysets import CampaignAssignmentQuerySet


def new_salt() -> bytes:
    """Random per campaign, so that draws of different campaigns are independent."""
    return secrets.token_bytes(16)


class Campaign(models.Model):
    class Goal(models.TextChoices):
        SELL = "sell", _("sell")
        SERVICE = "service", _("service")

    name = models.CharField(_("name"), max_length=80)
    goal = models.CharField(_("goal"), max_length=10, choices=Goal.choices, default=Goal.SELL)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    window_days = models.PositiveSmallIntegerField(_("outcome window in days"), default=7)
    control_share_bp = models.PositiveIntegerField(
        _("control share in basis points"), default=1000, validators=[MaxValueValidator(9000)]
    )
    salt = models.BinaryField(max_length=16, default=new_salt, editable=False)
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints = [
            models.CheckConstraint(
                condition=Q(control_share_bp__lte=9000), name="campaigns_control_leaves_treated"
            )
        ]

    def __str__(self) -> str:
        return self.name


class CampaignAssignment(models.Model):
    """Which arm a survivor was drawn into. The first assignment wins and is kept across merges; a
    campaign that goes out again says when it last planned the member.

    Written only in sets, from members read in the same transaction under a lock on the campaign:
    two foreign keys checked row by row would cost more than the rows themselves.
    """

    class Arm(models.TextChoices):
        TREATED = "treated", _("treated")
        CONTROL = "control", _("control group")

    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("campaign"),
        db_index=False,
        db_constraint=False,
    )
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("member"),
        db_index=False,
        db_constraint=False,
    )
    bucket = models.PositiveSmallIntegerField(_("bucket"))
    arm = models.CharField(_("arm"), max_length=8, choices=Arm.choices)
    assigned_at = models.DateTimeField(_("assigned at"))
    planned_at = models.DateTimeField(_("last planned at"))

    objects = CampaignAssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign assignment")
        verbose_name_plural = _("campaign assignments")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "campaign"], name="campaigns_assignment_first_wins"
            )
        ]

    def __str__(self) -> str:
        return f"{self.arm} campaign:{self.campaign_id} member:{self.member_id}"
