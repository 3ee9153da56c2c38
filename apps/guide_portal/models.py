"""What the guide's pages keep themselves: which acts of a phone have been dealt with, and which
facts lead a customer's card."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.profiles.models import Stage


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


class LeadingFacts(models.Model):
    """Which three facts lead the customer card and the sidebar: for members of one stage, or for
    all that have no row of their own. Without any row the defaults lead."""

    class Fact(models.TextChoices):
        """Only what the card has read already."""

        LAST_PURCHASE = "last_purchase", _("Last purchase")
        NET = "net", _("In all")
        SIZE = "size", _("Size")
        NET_365 = "net_365", _("In 12 months")
        ORDER_DAYS = "order_days", pgettext_lazy("fact", "Purchases")
        USUAL_GAP = "usual_gap", pgettext_lazy("fact", "Usual gap")
        CATEGORY = "category", pgettext_lazy("fact", "Usual category")
        LEVEL = "level", pgettext_lazy("fact", "Level")
        LAST_CONTACT = "last_contact", _("Last contact")
        FRIEND_SINCE = "friend_since", pgettext_lazy("fact", "Your friend since")
        VISITS = "visits", pgettext_lazy("fact", "In the shop, 90 days")
        APPOINTMENT = "appointment", pgettext_lazy("fact", "Next appointment")
        BIRTHDAY = "birthday", pgettext_lazy("fact", "Birthday")

    PLACES = ("first", "second", "third")

    stage = models.CharField(
        _("members of the stage"),
        max_length=10,
        blank=True,
        unique=True,
        choices=[("", pgettext_lazy("stage", "all others")), *Stage.choices],
        help_text=_("One row for a stage; members of a stage without a row go by “all others”."),
    )
    first = models.CharField(
        pgettext_lazy("fact", "first"), max_length=16, choices=Fact, default=Fact.LAST_PURCHASE
    )
    second = models.CharField(
        pgettext_lazy("fact", "second"), max_length=16, choices=Fact, default=Fact.NET
    )
    third = models.CharField(
        pgettext_lazy("fact", "third"),
        max_length=16,
        choices=Fact,
        default=Fact.SIZE,
        help_text=_("Last purchase, total and size stay on the first screen in any case."),
    )

    class Meta:
        verbose_name = _("facts that lead the customer card")
        verbose_name_plural = _("facts that lead the customer card")
        constraints = [
            models.CheckConstraint(
                condition=~Q(first=F("second")) & ~Q(first=F("third")) & ~Q(second=F("third")),
                name="guide_portal_three_different_facts",
                violation_error_message=_("Choose three different facts."),
            )
        ]

    def __str__(self) -> str:
        return self.get_stage_display()
