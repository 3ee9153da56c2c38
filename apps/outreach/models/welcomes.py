"""The first words to a new friend."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import OutgoingOnce
from apps.outreach.querysets import (
    WelcomeQuerySet,
)


class Welcome(OutgoingOnce):
    """The first words to a new friend, which WeCom takes for 20 seconds after it told us.

    `code` is WeCom's leave to say them, once. `unknown` = the reply to our call was lost: it is not
    repeated, the guide sees in the chat. Late ones are `missed`, and the guide says hello instead.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        MISSED = "missed", _("missed")
        TAKEN = "taken", _("welcomed by another app")
        FAILED = "failed", _("refused by WeCom")
        UNKNOWN = "unknown", _("unknown")
        NO_WORDS = "no_words", _("no wording set")

    corp_id = models.CharField(_("corp id"), max_length=40)
    code = models.CharField(max_length=200, editable=False)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    external_userid = models.CharField(_("customer in WeCom"), max_length=64)
    source = models.CharField(_("source"), max_length=64, blank=True)
    text = models.TextField(_("text"), blank=True)
    attachments = models.JSONField(_("attachments"), default=list)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    told_at = models.DateTimeField(_("added at"))
    expires_at = models.DateTimeField(_("possible until"))
    sent_at = models.DateTimeField(_("sent at"), null=True)

    objects = WelcomeQuerySet.as_manager()

    class Meta:
        verbose_name = _("welcome to a new friend")
        verbose_name_plural = _("welcomes to new friends")
        ordering = ["-told_at", "-pk"]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="queued"), name="outreach_welcome_queue"
            ),
            models.Index(fields=["-told_at"], name="outreach_welcome_told"),
            models.Index(
                fields=["told_at"],
                condition=Q(state__in=["missed", "failed", "unknown"]),
                name="outreach_welcome_unsaid",
            ),
            models.Index(fields=["guide", "external_userid"], name="outreach_welcome_pair"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "code"], name="outreach_welcome_once"),
        ]

    def __str__(self) -> str:
        return f"welcome:{self.pk}"
