"""新人前 30 天: head office's plan for who is new in a store, and what they say of it themselves.

What can be counted is counted from facts each time it is asked for; only a word is kept.
"""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

DAYS = 30


class PlanStep(models.Model):
    """Something to do by that day of the first thirty."""

    class Proof(models.TextChoices):
        DELIVERED = "delivered", pgettext_lazy("newcomer", "customers a message was delivered to")
        NOTES = "notes", pgettext_lazy("newcomer", "notes on customers")
        VISITS = "visits", pgettext_lazy("newcomer", "visits noted")
        ENROLLED = "enrolled", pgettext_lazy("newcomer", "customers enrolled")
        NEWS = "news", pgettext_lazy("newcomer", "the piece of news is read")
        TOLD = "told", pgettext_lazy("newcomer", "their own word")

    class Page(models.TextChoices):
        TODAY = "today", pgettext_lazy("guide page", "Today")
        CUSTOMERS = "customers", _("Customers")
        ENROL = "enrol", _("Enrol a customer")
        FIND_STOCK = "find_stock", _("Find goods")
        SCRIPTS = "scripts", pgettext_lazy("guide page", "Scripts")
        APPOINTMENTS = "appointments", _("Appointments")

    day = models.PositiveSmallIntegerField(
        pgettext_lazy("newcomer", "by day"),
        validators=[MinValueValidator(1), MaxValueValidator(DAYS)],
    )
    title = models.CharField(_("title"), max_length=40)
    words = models.CharField(pgettext_lazy("newcomer", "how"), max_length=200, blank=True)
    page = models.CharField(
        pgettext_lazy("newcomer", "leads to"), max_length=16, choices=Page.choices, blank=True
    )
    news = models.ForeignKey(
        "news.News",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("piece of news"),
    )
    proof = models.CharField(
        pgettext_lazy("newcomer", "done by"), max_length=12, choices=Proof.choices
    )
    number = models.PositiveSmallIntegerField(
        pgettext_lazy("newcomer", "how many"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(500)],
    )
    is_active = models.BooleanField(pgettext_lazy("newcomer", "in the plan"), default=True)

    class Meta:
        verbose_name = pgettext_lazy("newcomer", "step")
        verbose_name_plural = _("First 30 days")
        ordering = ["day", "pk"]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        super().clean()
        if self.proof == self.Proof.NEWS and self.news_id is None:
            raise ValidationError({"news": _("Choose the piece that is to be read.")})


class StepTold(models.Model):
    """A newcomer's own word that a step is done."""

    step = models.ForeignKey(PlanStep, on_delete=models.CASCADE, related_name="+")
    guide = models.ForeignKey("stores.Guide", on_delete=models.CASCADE, related_name="+")
    told_at = models.DateTimeField()

    class Meta:
        verbose_name = pgettext_lazy("newcomer", "own word")
        verbose_name_plural = pgettext_lazy("newcomer", "own words")
        constraints = [
            models.UniqueConstraint(fields=["guide", "step"], name="newcomers_told_once")
        ]

    def __str__(self) -> str:
        return f"step:{self.step_id} guide:{self.guide_id}"
