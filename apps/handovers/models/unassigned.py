"""What WeCom's own list says of leavers' customers that nobody has taken over."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.handovers.querysets import UnassignedLeaverQuerySet


class UnassignedLeaver(models.Model):
    """Somebody who has left, and how many customers WeCom still counts as nobody's. Figures of the
    last look alone: who the customers are stands in WeCom and in our friendships."""

    corp_id = models.CharField(_("corp id"), max_length=40)
    userid = models.CharField(_("WeCom user id"), max_length=64)
    # empty: nobody here ever had this account
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("guide"),
    )
    left_at = models.DateTimeField(_("left at"), null=True)
    customers = models.PositiveIntegerField(_("nobody's in WeCom"))
    done_here = models.PositiveIntegerField(_("handed over by our count"))
    on_way = models.PositiveIntegerField(_("on the way by our count"))
    unknown_here = models.PositiveIntegerField(_("no friendship known here"))
    read_at = models.DateTimeField(_("read at"))

    objects = UnassignedLeaverQuerySet.as_manager()

    class Meta:
        verbose_name = _("leaver in WeCom's list")
        verbose_name_plural = _("leavers in WeCom's list")
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "userid"], name="handovers_unassigned_once")
        ]

    def __str__(self) -> str:
        return f"{self.corp_id}:{self.userid}"
