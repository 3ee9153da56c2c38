"""A large hand-out on its way: what was decided for each member, cut into parts."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.guide_tasks.models.pushes import TaskPush


class HandOutPart(models.Model):
    """Some of a push's planned members and the place of each, as decided at the push's moment: the
    same line of every array. All customers of a guide lie in one part.

    Written off in one transaction, which holds this row: the lock is the lease. When every part is
    done the push is handed out and its parts are gone.
    """

    push = models.ForeignKey(
        TaskPush, on_delete=models.CASCADE, related_name="+", verbose_name=_("push")
    )
    number = models.PositiveIntegerField()
    planned = models.PositiveIntegerField()
    issued = models.PositiveIntegerField()
    done_at = models.DateTimeField(null=True)
    member_ids = ArrayField(models.BigIntegerField())
    places = ArrayField(models.CharField(max_length=30))
    guide_ids = ArrayField(models.BigIntegerField(null=True))
    store_ids = ArrayField(models.BigIntegerField(null=True))
    external_userids = ArrayField(models.CharField(max_length=64))
    opens = ArrayField(models.DateTimeField(null=True))
    buckets = ArrayField(models.IntegerField(null=True))

    class Meta:
        verbose_name = _("part of a hand-out")
        verbose_name_plural = _("parts of a hand-out")
        constraints = [
            models.UniqueConstraint(fields=["push", "number"], name="guide_tasks_part_once"),
            models.CheckConstraint(
                condition=Q(issued__lte=models.F("planned")), name="guide_tasks_part_adds_up"
            ),
        ]

    def __str__(self) -> str:
        return f"push:{self.push_id} part:{self.number}"
