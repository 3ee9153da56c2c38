"""What owners send to their groups by themselves: counted against the limit, never a proof."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.customer_groups.querysets import OwnerSendQuerySet
from apps.outreach.models import OwnSend


class OwnerSend(OwnSend):
    """One to groups. WeCom's limit for a group counts it as it counts ours."""

    sent_chat_ids = models.JSONField(_("groups that have it"), default=list)

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
