"""What an attempt to give somebody to a successor has, be it a customer or a group."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class HandoverAttempt(models.Model):
    """One attempt to give a customer or a group to one successor."""

    # copied from the run: keys and WeCom's limits ask for the guide who gives
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    takeover = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("successor"),
    )
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    is_current = models.BooleanField(_("latest attempt"), default=True)
    # a word of `reasons`, or WeCom's number
    reason = models.CharField(_("reason"), max_length=24, blank=True)
    called_at = models.DateTimeField(_("called at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        abstract = True
