"""What owners send to their groups by themselves: counted against the limit, never a proof."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.customer_groups.querysets import OwnerSendQuerySet


class OwnerSend(models.Model):
    """A mass send that an owner made in WeCom without us. WeCom's limit for a group counts it as it
    counts ours; its words are the owner's own and are not kept."""

    corp_id = models.CharField(_("corp id"), max_length=40)
    msgid = models.CharField(max_length=80)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("owner")
    )
    made_at = models.DateTimeField(_("made at"))
    # nothing while the owner has not confirmed it
    sent_at = models.DateTimeField(_("sent at"), null=True)
    sent_chat_ids = models.JSONField(_("groups that have it"), default=list)
    # when WeCom is asked about it; nothing once it was asked about often enough
    due_at = models.DateTimeField(_("due at"), null=True)

    objects = OwnerSendQuerySet.as_manager()

    class Meta:
        verbose_name = _("owner's own send to groups")
        verbose_name_plural = _("owners' own sends to groups")
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="groups_own_send_due"
            ),
            models.Index(
                fields=["sent_at"], condition=Q(sent_at__isnull=False), name="groups_own_send_sent"
            ),
            models.Index(fields=["guide", "-made_at"], name="groups_own_send_guide"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "msgid"], name="groups_own_send_once")
        ]

    def __str__(self) -> str:
        return f"owner_send:{self.pk}"
