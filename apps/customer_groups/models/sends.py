"""群群发: what an owner is to send to the own groups, and which groups have it."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import OutgoingOnce
from apps.customer_groups.querysets import GroupSendQuerySet
from apps.outreach.models import Reminder


class GroupSend(OutgoingOnce):
    """One mass send that one owner confirms on the phone: a row first, then one call.

    `part` counts on where an owner has more groups than one call takes. `unknown` = the reply to
    the call was lost, and it is not made a second time unless a person says that WeCom does not
    have it.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        HANDED_OVER = "handed_over", pgettext_lazy("group send", "waits for its owner")
        UNKNOWN = "unknown", _("unknown")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", pgettext_lazy("group send", "taken back")
        CLOSED = "closed", _("closed")

    source = models.CharField(_("source"), max_length=60)
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("owner"),
        db_index=False,
    )
    part = models.PositiveSmallIntegerField(default=0)
    corp_id = models.CharField(_("corp id"), max_length=40)
    text = models.TextField(_("text"))
    # as they were when it was asked for: see `outreach.attachments`
    attachments = models.JSONField(_("attachments"), default=list, blank=True)
    chat_ids = models.JSONField(_("groups"))
    left_out = models.JSONField(_("left out by WeCom"), default=list)
    sent_chat_ids = models.JSONField(_("groups that have it"), default=list)
    # the owner confirmed and these got nothing: they had as much as WeCom lets through
    over_limit_chat_ids = models.JSONField(_("groups over WeCom's limit"), default=list)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.QUEUED)
    msgid = models.CharField(max_length=80, blank=True)
    closes_at = models.DateTimeField(_("asked about until"))
    handed_over_at = models.DateTimeField(_("handed over"), null=True)
    unknown_since = models.DateTimeField(_("unknown since"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = GroupSendQuerySet.as_manager()

    class Meta:
        verbose_name = _("send to groups")
        verbose_name_plural = _("sends to groups")
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=Q(state__in=["queued", "handed_over", "unknown"]),
                name="groups_send_due",
            ),
            models.Index(fields=["guide"], name="groups_send_guide"),
            models.Index(
                fields=["confirmed_at"],
                condition=Q(confirmed_at__isnull=False),
                name="groups_send_confirmed",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "guide", "part"], name="groups_send_once"),
            models.UniqueConstraint(
                fields=["corp_id", "msgid"], condition=~Q(msgid=""), name="groups_send_one_msgid"
            ),
        ]

    def __str__(self) -> str:
        return f"group_send:{self.pk}"

    @property
    def is_waiting(self) -> bool:
        """On the owner's phone, not confirmed."""
        waits = self.state == self.State.HANDED_OVER and self.confirmed_at is None
        return waits and self.withdrawn_at is None

    @property
    def expected(self) -> set[str]:
        """The groups that are to have it: without those WeCom left out."""
        return set(self.chat_ids) - set(self.left_out)


class GroupSendReminder(Reminder):
    """A reminder of a send to groups."""

    send = models.ForeignKey(
        GroupSend, on_delete=models.CASCADE, related_name="+", verbose_name=_("send to groups")
    )

    class Meta:
        verbose_name = _("reminder of a send to groups")
        verbose_name_plural = _("reminders of sends to groups")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="groups_reminder_queue"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["send", "wave"], name="groups_reminder_once")
        ]

    def __str__(self) -> str:
        return f"group_send_reminder:{self.pk}"
