"""What the guide's pages remember themselves: which acts of a phone have been dealt with."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class ActionReceipt(models.Model):
    """One act of one guide, by the id the phone made for it: sent again it gets the same answer.

    Holds no word of the customer's: the act itself is a note, a tag, a visit in its own room.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("submitted")
        REFUSED = "refused", _("refused")

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.CASCADE, related_name="+", verbose_name=_("guide")
    )
    client_id = models.UUIDField(_("client id"))
    kind = models.CharField(_("kind"), max_length=20, blank=True)
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.DONE
    )
    code = models.CharField(_("code"), max_length=40, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), db_index=True)

    class Meta:
        verbose_name = _("receipt of an act")
        verbose_name_plural = _("receipts of acts")
        constraints = [
            models.UniqueConstraint(
                fields=["guide", "client_id"], name="guide_portal_one_receipt_per_act"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of guide:{self.guide_id}: {self.outcome}"
