"""The outbox of sends, each receiver's result, and how often a member was written to."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import LeasedModel, OutgoingOnce
from apps.core.outbox import OutboxQuerySet
from apps.outreach.querysets import (
    ContactBudgetQuerySet,
    DispatchQuerySet,
    DispatchRecipientQuerySet,
)


class Dispatch(OutgoingOnce):
    """One intended effect on customers: a mass-send task in the name of one guide.

    States only move forward. `handed_over` = WeCom has the task and the guide must confirm on the
    phone; `sent` = the guide confirmed; results per customer stand on the receivers. `unknown` =
    the reply to our call was lost and WeCom's list did not settle it: a person decides, it is
    never repeated blindly.
    """

    class Kind(models.TextChoices):
        MASS_SEND = "mass_send", _("mass send")

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        HELD = "held", _("held until allowed hours")
        SUPPRESSED = "suppressed", _("suppressed")
        LEASED = "leased", _("being handed over")
        HANDED_OVER = "handed_over", _("waiting for the guide's confirmation")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown")
        EXPIRED = "expired", _("expired")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.MASS_SEND)
    idem_key = models.CharField(max_length=120, unique=True)
    source = models.CharField(_("source"), max_length=80, db_index=True)
    corp_id = models.CharField(_("corp id"), max_length=40)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("sender")
    )
    text = models.TextField(_("text"))
    # as they were when it was asked for: see `attachments`
    attachments = models.JSONField(_("attachments"), default=list, blank=True)
    marketing = models.BooleanField(
        _("marketing"), default=True, help_text=_("Marketing needs the customer's consent.")
    )
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.PLANNED
    )
    expires_at = models.DateTimeField(_("expires at"))
    # chain-local; a late worker hands nothing over outside them. Empty = any hour
    contact_from = models.TimeField(_("contact customers from"), null=True)
    contact_until = models.TimeField(_("contact customers until"), null=True)
    msgid = models.CharField(_("WeCom message id"), max_length=80, blank=True)
    handed_over_at = models.DateTimeField(_("handed over at"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    unknown_since = models.DateTimeField(_("unknown since"), null=True)
    looks = models.PositiveSmallIntegerField(_("looked up"), default=0)
    next_poll_at = models.DateTimeField(_("next poll"), null=True)
    polls = models.PositiveSmallIntegerField(_("polls"), default=0)
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = DispatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("send")
        verbose_name_plural = _("sends")
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=Q(state__in=["planned", "held", "leased"]),
                name="outreach_dispatch_queue",
            ),
            models.Index(fields=["guide", "-created_at"], name="outreach_dispatch_guide"),
            models.Index(
                fields=["next_poll_at"],
                condition=Q(next_poll_at__isnull=False),
                name="outreach_dispatch_polls",
            ),
            models.Index(
                fields=["unknown_since"],
                condition=Q(state="unknown"),
                name="outreach_dispatch_unknown",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["corp_id", "msgid"], condition=~Q(msgid=""), name="outreach_msgid_once"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gte=F("not_before")), name="outreach_expires_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"dispatch:{self.pk}"

    @property
    def is_waiting(self) -> bool:
        """On the guide's phone, not confirmed."""
        return self.state == self.State.HANDED_OVER


class Reminder(LeasedModel):
    """催办 of one send in WeCom itself: its members who have not confirmed are nudged once more.

    WeCom takes three for a send in 24 hours. A row first, one call; if the answer is lost nobody
    calls again: one nudge too few harms nobody.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        REMINDED = "reminded", pgettext_lazy("reminder", "reminded")
        NOT_NEEDED = "not_needed", pgettext_lazy("reminder", "not needed any more")
        REFUSED = "refused", pgettext_lazy("reminder", "refused by WeCom")
        UNKNOWN = "unknown", _("unknown")

    wave = models.CharField(max_length=80)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    not_before = models.DateTimeField(_("not before"))
    call_started_at = models.DateTimeField(null=True)
    created_by = models.CharField(_("created by"), max_length=40)
    created_at = models.DateTimeField(_("created at"))
    # what is to be confirmed: it knows `corp_id`, `msgid` and whether it `is_waiting`
    send: Any

    objects = OutboxQuerySet.as_manager()

    class Meta:
        abstract = True


class SendReminder(Reminder):
    """A reminder of a send to customers."""

    send = models.ForeignKey(
        Dispatch, on_delete=models.CASCADE, related_name="+", verbose_name=_("send")
    )

    class Meta:
        verbose_name = _("reminder of a send")
        verbose_name_plural = _("reminders of sends")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="outreach_reminder_queue"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["send", "wave"], name="outreach_reminder_once")
        ]

    def __str__(self) -> str:
        return f"send_reminder:{self.pk}"


class DispatchRecipient(models.Model):
    """One customer of a send, with WeCom's word on it. At most one undecided receiver per source:
    a target cannot be written to twice by two taps."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for WeCom")
        DELIVERED = "delivered", _("delivered")
        NOT_FRIEND = "not_friend", _("not a friend")
        OVER_LIMIT = "over_limit", _("monthly limit reached")
        REFUSED = "refused", _("refused by WeCom")
        NOT_SENT = "not_sent", _("never sent")

    dispatch = models.ForeignKey(
        Dispatch, on_delete=models.CASCADE, related_name="recipients", verbose_name=_("send")
    )
    member = models.ForeignKey(
        "members.Member", on_delete=models.PROTECT, related_name="+", verbose_name=_("member")
    )
    external_userid = models.CharField(_("external id"), max_length=64)
    source = models.CharField(_("source"), max_length=80)
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.WAITING
    )
    refusal = models.CharField(_("refusal"), max_length=20, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    result_at = models.DateTimeField(_("result at"), null=True)
    applied_at = models.DateTimeField(null=True)
    budget_month = models.DateField(null=True)
    sender_userid = models.CharField(_("really sent by"), max_length=64, blank=True)
    # WeCom may hand a task to whoever talked with the customer last, whomever we named
    by_another = models.BooleanField(_("sent by somebody else"), db_default=False)

    objects = DispatchRecipientQuerySet.as_manager()

    class Meta:
        verbose_name = _("receiver")
        verbose_name_plural = _("receivers")
        indexes = [
            models.Index(fields=["member", "-result_at"], name="outreach_recipient_member"),
            models.Index(
                fields=["id"],
                condition=Q(applied_at=None) & ~Q(state="waiting"),
                name="outreach_recipient_untold",
            ),
            models.Index(
                fields=["source"],
                condition=Q(by_another=True),
                name="outreach_recipient_by_another",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["dispatch", "external_userid"], name="outreach_recipient_once"
            ),
            models.UniqueConstraint(
                fields=["source"], condition=Q(state="waiting"), name="outreach_one_undecided_send"
            ),
        ]

    def __str__(self) -> str:
        return f"dispatch_recipient:{self.pk}"


class ContactBudget(models.Model):
    """How many mass sends a member's WeCom account has received in a month (chain time): through
    us, and from guides by themselves."""

    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    month = models.DateField(_("month"))
    used = models.PositiveSmallIntegerField(_("used"), default=0)

    objects = ContactBudgetQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact budget")
        verbose_name_plural = _("contact budgets")
        constraints = [
            models.UniqueConstraint(fields=["member", "month"], name="outreach_budget_once")
        ]

    def __str__(self) -> str:
        return f"budget member:{self.member_id} {self.month:%Y-%m}"
