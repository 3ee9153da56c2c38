"""Rules: work the product makes by itself."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.guide_tasks.models.states import Grade


class TaskRule(models.Model):
    """A task the product makes by itself when something happens. HQ edits what it says and when.

    Which numbers a trigger asks for stands in `services.rules.settings`. Care may have several
    rows, one per step: `delay_days` after the purchase, for one category or (empty) for all others.
    """

    class Key(models.TextChoices):
        FOLLOW_UP = "follow_up", _("delivered, no order since")
        CARE = "care", _("after-purchase care")
        CASE_CLOSED = "case_closed", _("complaint closed")
        GREETING = "greeting", _("new WeCom friend")
        WELCOME = "welcome", _("new member")
        BIRTHDAY = "birthday", _("birthday")
        POINTS = "points", _("points about to end")
        COUPONS = "coupons", _("coupons about to end")
        REPURCHASE = "repurchase", _("repurchase due")
        SILENT = "silent", _("becoming silent")
        LEAD = "lead", _("no first order yet")
        REVISIT = "revisit", _("visit without a purchase")
        APPOINTMENT = "appointment", _("appointment ahead")
        THANKS = "thanks", _("appointment kept")
        NEW_GOODS = "new_goods", _("new goods of a liked kind")

    key = models.CharField(_("trigger"), max_length=20, choices=Key.choices)
    category = models.CharField(_("category"), max_length=40, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    # what happened before a rule stood is none of its business; moved by save()
    active_since = models.DateTimeField(_("active since"), null=True, editable=False)
    # the chain's day whose look is done, for rules that look once a day
    looked_on = models.DateField(null=True, editable=False)
    title = models.CharField(_("title"), max_length=40)
    template = models.ForeignKey(
        "outreach.MessageTemplate",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("script"),
    )
    lead_days = models.PositiveSmallIntegerField(_("days before"), default=0)
    delay_days = models.PositiveSmallIntegerField(_("delay in days"), default=0)
    due_days = models.PositiveSmallIntegerField(_("days to do it"), default=1)
    least_points = models.PositiveIntegerField(_("at least so many points"), default=0)
    # who was reached in so many days is left in peace; 0 = does not matter
    skip_days = models.PositiveSmallIntegerField(_("skip when contacted in days"), default=0)
    required_grade = models.PositiveSmallIntegerField(
        _("counts as done at"), choices=Grade.choices, default=Grade.DELIVERED
    )
    daily_cap = models.PositiveSmallIntegerField(
        _("at most per guide and day"), null=True, blank=True
    )
    minutes = models.PositiveSmallIntegerField(_("minutes per contact"), default=2)
    campaign = models.ForeignKey(
        "campaigns.Campaign",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("campaign"),
    )

    class Meta:
        verbose_name = _("task rule")
        verbose_name_plural = _("task rules")
        constraints = [
            models.UniqueConstraint(
                fields=["key", "category", "delay_days"],
                condition=Q(key="care"),
                name="guide_tasks_rule_care_step_once",
            ),
            models.UniqueConstraint(
                fields=["key"], condition=~Q(key="care"), name="guide_tasks_rule_once"
            ),
            models.CheckConstraint(
                condition=Q(daily_cap=None) | Q(daily_cap__gte=1),
                name="guide_tasks_rule_cap_is_some",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.get_key_display()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Switching a rule on starts its time anew, wherever it is switched."""
        if not self.is_active:
            self.active_since = self.looked_on = None
        elif self.active_since is None:
            self.active_since = clock.now()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "active_since", "looked_on"}
        super().save(*args, **kwargs)
