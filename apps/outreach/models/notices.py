"""Cards in guides' WeCom, and what they say once their button was pressed."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import Outgoing
from apps.core.outbox import OutboxQuerySet
from apps.outreach.querysets import (
    GuideNoticeQuerySet,
)


class GuideNotice(Outgoing):
    """A card in a guide's WeCom. Shows on lock screens: a count and a due time, never a customer's
    name."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        # it was for somebody who has left
        DROPPED = "dropped", _("not sent: has left")

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    source = models.CharField(_("source"), max_length=80)
    title = models.CharField(_("title"), max_length=128)
    body = models.CharField(_("text"), max_length=512)
    path = models.CharField(_("page"), max_length=200)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    # somebody waits for it: it rings also when the phone rang a short while ago
    at_once = models.BooleanField(db_default=False, editable=False)
    # the guide is to say that they know; by `task_id` WeCom names the card whose button was pressed
    with_button = models.BooleanField(db_default=False, editable=False)
    task_id = models.CharField(max_length=64, blank=True, db_default="", editable=False)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True)

    objects = GuideNoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            BrinIndex(fields=["created_at"], name="outreach_notice_created"),
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="outreach_notice_queue"
            ),
            models.Index(
                fields=["guide", "sent_at"], condition=Q(state="sent"), name="outreach_notice_rang"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["guide", "source"], name="outreach_notice_once"),
            models.UniqueConstraint(
                fields=["task_id", "guide"],
                condition=~Q(task_id=""),
                name="outreach_notice_one_card",
            ),
        ]

    def __str__(self) -> str:
        return f"notice:{self.pk}"


class ButtonAnswer(Outgoing):
    """What the card says once its button was pressed: one call with the code of that press.

    The code works once, so a repeated call does nothing twice. A card that keeps its button harms
    nobody: the press itself is kept with the notice.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SHOWN = "shown", pgettext_lazy("button", "shown")
        FAILED = "failed", _("failed")

    notice = models.OneToOneField(
        GuideNotice, on_delete=models.CASCADE, related_name="answer", verbose_name=_("notice")
    )
    response_code = models.CharField(max_length=200, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    expires_at = models.DateTimeField(_("expires at"))

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer on a card")
        verbose_name_plural = _("answers on cards")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(state="queued"), name="outreach_answer_queue"
            )
        ]

    def __str__(self) -> str:
        return f"answer:{self.pk}"
