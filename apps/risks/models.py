"""飞单 signals as cases: what was seen of a guide, who looked into it, what came of it. Nothing
follows from a case by itself."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.risks.querysets import OPEN, RiskCaseQuerySet


class Signal(models.TextChoices):
    DELETES = "deletes", _("deletes customers")
    NO_SALES = "no_sales", _("many contacts, no sale")


class RiskRule(models.Model):
    """When a signal becomes a case: at least `least` within `days`. Head office edits it.

    `least` counts customers: deleted ones, or those a contact with is proven.
    """

    signal = models.CharField(_("signal"), max_length=12, choices=Signal.choices, unique=True)
    is_active = models.BooleanField(_("active"), default=True)
    least = models.PositiveSmallIntegerField(_("customers at least"))
    days = models.PositiveSmallIntegerField(_("within days"))

    class Meta:
        verbose_name = _("risk rule")
        verbose_name_plural = _("risk rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(least__gte=1, days__gte=1, days__lte=180), name="risks_rule_in_bounds"
            )
        ]

    def __str__(self) -> str:
        return str(self.get_signal_display())


class RiskCase(models.Model):
    """One signal about one guide. `figures` are of the last look that found it and cover exactly
    what happened from `since` to before `until`, as the evidence does."""

    class State(models.TextChoices):
        OPEN = "open", _("to be looked into")
        LOOKING = "looking", _("being looked into")
        CONFIRMED = "confirmed", _("confirmed")
        FALSE_ALARM = "false_alarm", _("false alarm")

    signal = models.CharField(_("signal"), max_length=12, choices=Signal.choices)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("store"),
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))
    figures = models.JSONField(_("figures"), default=dict)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.OPEN)
    found_at = models.DateTimeField(_("found at"))
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("looked into by"),
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    word = models.CharField(_("what came of it"), max_length=300, blank=True)

    objects = RiskCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("risk case")
        verbose_name_plural = _("risk cases")
        indexes = [models.Index(fields=["state", "-found_at"], name="risks_case_state")]
        constraints = [
            models.UniqueConstraint(
                fields=["guide", "signal"], condition=Q(state__in=OPEN), name="risks_one_open_case"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, decided_at=None)
                | (~Q(state__in=OPEN) & Q(decided_at__isnull=False) & ~Q(word="")),
                name="risks_decided_with_a_word",
            ),
        ]

    def __str__(self) -> str:
        return f"risk_case:{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN
