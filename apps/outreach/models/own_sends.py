"""What guides send in WeCom without us: it takes places in WeCom's limits, and proves nothing."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.outreach.querysets import OwnSendQuerySet


class OwnSend(models.Model):
    """A mass send that a guide made in WeCom by themselves. Its words are the guide's own and are
    not kept."""

    corp_id = models.CharField(_("corp id"), max_length=40)
    msgid = models.CharField(max_length=80)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    made_at = models.DateTimeField(_("made at"))
    # nothing while the guide has not confirmed it
    sent_at = models.DateTimeField(_("sent at"), null=True)
    # when WeCom is asked about it; nothing once there is nothing more to hear
    due_at = models.DateTimeField(_("due at"), null=True)

    class Meta:
        abstract = True


class GuideSend(OwnSend):
    """One to customers. With `sent_at` its receivers are counted, once and for all; who they are
    stands at WeCom."""

    objects = OwnSendQuerySet.as_manager()

    class Meta:
        verbose_name = _("guide's own send to customers")
        verbose_name_plural = _("guides' own sends to customers")
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="outreach_own_send_due"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "msgid"], name="outreach_own_send_once")
        ]

    def __str__(self) -> str:
        return f"guide_send:{self.pk}"
