"""The inbound API's memory: an answer once given to a key is given again, never worked twice."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class IdempotencyRecord(models.Model):
    """One request of one API key under its `Idempotency-Key`, with the answer that was given."""

    api_key = models.ForeignKey(
        "accounts.ApiKey", on_delete=models.CASCADE, related_name="+", verbose_name=_("API key")
    )
    key = models.CharField(_("idempotency key"), max_length=120)
    path = models.CharField(_("path"), max_length=120)
    request_hash = models.BinaryField(max_length=32, editable=False)
    status = models.PositiveSmallIntegerField(_("status"))
    response = models.JSONField(_("answer"))
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("idempotency record")
        verbose_name_plural = _("idempotency records")
        constraints = [
            models.UniqueConstraint(
                fields=["api_key", "path", "key"], name="ingest_idempotency_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.path} {self.key}"
