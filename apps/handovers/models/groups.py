"""A customer group that changes owners: planned with a run, called for, looked at until it has."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import LeasedModel
from apps.handovers.models.attempts import HandoverAttempt
from apps.handovers.models.runs import HandoverRun
from apps.handovers.querysets import OPEN, HandoverGroupQuerySet


class HandoverGroup(HandoverAttempt, LeasedModel):
    """One group and one attempt to give it to one successor.

    WeCom keeps no list of these: the group itself tells who owns it. So `called_at` is committed
    before the call, and whatever is not known afterwards is read off the group.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("not begun yet")
        QUEUED = "queued", _("about to be handed over")
        UNKNOWN = "unknown", _("being looked up")
        WAITING = "waiting", pgettext_lazy("group of a handover", "on the way")
        DONE = "done", pgettext_lazy("group of a handover", "has a new owner")
        CANNOT = "cannot", _("WeCom does not allow it")
        LEFT = "left", _("left to you")

    run = models.ForeignKey(
        HandoverRun, on_delete=models.CASCADE, related_name="groups", verbose_name=_("handover")
    )
    group = models.ForeignKey(
        "customer_groups.CustomerGroup",
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("group"),
    )
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.PLANNED)
    due_at = models.DateTimeField(_("due at"), null=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    looks = models.PositiveSmallIntegerField(_("looks"), default=0)

    objects = HandoverGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("group of a handover")
        verbose_name_plural = _("groups of handovers")
        indexes = [
            models.Index(
                fields=["state", "due_at"],
                condition=Q(state__in=["queued", "unknown", "waiting"]),
                name="handovers_group_due",
            ),
            models.Index(fields=["guide", "called_at"], name="handovers_group_day"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "group"],
                condition=Q(is_current=True),
                name="handovers_group_once",
            ),
            models.UniqueConstraint(
                fields=["group"],
                condition=Q(state__in=OPEN),
                name="handovers_group_open_once",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["unknown", "waiting"]) | Q(called_at__isnull=False),
                name="handovers_group_was_called",
            ),
        ]

    def __str__(self) -> str:
        return f"handover_group:{self.pk}"
