"""Other times for a push in one region, and who said so."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.guide_tasks.models.pushes import TaskPush
from apps.guide_tasks.querysets import RegionTimingQuerySet


class RegionTiming(models.Model):
    """A region's work of a push opens later, or has more time. Rows are never changed: the history
    of a push in a region is all of them."""

    push = models.ForeignKey(
        TaskPush,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("push"),
        db_index=False,
    )
    region = models.ForeignKey(
        "stores.Region", on_delete=models.PROTECT, related_name="+", verbose_name=_("region")
    )
    opens_at = models.DateTimeField(_("opens at"), null=True)
    due_before = models.DateTimeField(_("due before"))
    due_at = models.DateTimeField(_("due"), null=True)
    moved = models.PositiveIntegerField(_("tasks"))
    reason = models.CharField(_("reason"), max_length=200)
    changed_by = models.CharField(_("changed by"), max_length=40)
    changed_at = models.DateTimeField(_("changed at"))
    # the form that asked for it: sent twice, it is one change
    client_id = models.UUIDField(unique=True, editable=False)

    objects = RegionTimingQuerySet.as_manager()

    class Meta:
        verbose_name = _("region's timing")
        verbose_name_plural = _("regions' timings")
        indexes = [models.Index(fields=["push", "id"], name="guide_tasks_timing_push")]
        constraints = [
            models.CheckConstraint(
                condition=Q(opens_at__isnull=False) | Q(due_at__isnull=False),
                name="guide_tasks_timing_changes_something",
            )
        ]

    def __str__(self) -> str:
        return f"region:{self.region_id} push:{self.push_id}"
