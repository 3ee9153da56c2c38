"""SMS that should leave us."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core.models import Outgoing
from apps.outreach.querysets import (
    SmsMessageQuerySet,
)


class SmsMessage(Outgoing):
    """One SMS that should leave us. The number and the words are sealed, and gone once it is over:
    what stays is that a message of this kind went to this keyed number, and when."""

    class Kind(models.TextChoices):
        CODE = "code", _("verification code")

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")

    idem_key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    phone_key = models.BinaryField(max_length=16, editable=False)
    phone_enc = models.BinaryField(null=True, editable=False)
    body_enc = models.BinaryField(null=True, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    expires_at = models.DateTimeField(_("expires at"))
    provider_id = models.CharField(_("provider's number"), max_length=80, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = SmsMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("SMS")
        verbose_name_plural = _("SMS")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="outreach_sms_queue"
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="queued", phone_enc__isnull=False, body_enc__isnull=False)
                | (~Q(state="queued") & Q(phone_enc=None, body_enc=None)),
                name="outreach_sms_sealed_while_queued",
            )
        ]

    def __str__(self) -> str:
        return f"sms:{self.pk}"
