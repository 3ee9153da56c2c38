"""Posts for customers' moments."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import LeasedModel, OutgoingOnce
from apps.core.outbox import OutboxQuerySet
from apps.outreach.querysets import (
    MomentPostQuerySet,
)


class MomentPost(OutgoingOnce):
    """A post for customers' moments (朋友圈) that each guide confirms on the phone.

    `queued` until WeCom took the job; `made` once the post exists there. `unknown` = the reply to
    our call was lost and WeCom's list did not settle it: nothing is made a second time.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        HANDED_OVER = "handed_over", _("handed over")
        MADE = "made", _("made in WeCom")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown")
        CANCELLED = "cancelled", pgettext_lazy("moments post", "taken back")
        CLOSED = "closed", _("closed")

    source = models.CharField(_("source"), max_length=60)
    corp_id = models.CharField(_("corp id"), max_length=40)
    text = models.CharField(_("text"), max_length=2000)
    # as they were when it was asked for: see `attachments`
    attachments = models.JSONField(_("attachments"), default=list, blank=True)
    userids = models.JSONField(_("senders"))
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.QUEUED)
    jobid = models.CharField(max_length=64, blank=True)
    moment_id = models.CharField(max_length=64, blank=True)
    closes_at = models.DateTimeField(_("asked about until"))
    unknown_since = models.DateTimeField(_("unknown since"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)

    objects = MomentPostQuerySet.as_manager()

    class Meta:
        verbose_name = _("moments post")
        verbose_name_plural = _("moments posts")
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(state__in=["queued", "handed_over", "made"]),
                name="outreach_moment_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "corp_id"], name="outreach_moment_once")
        ]

    def __str__(self) -> str:
        return f"moment of {self.source}"

    def is_over(self, at: datetime) -> bool:
        """Nobody wants it made any more."""
        return self.withdrawn_at is not None or at >= self.closes_at


class MomentReading(LeasedModel):
    """What customers did under one guide's post, read from WeCom late and several times.

    There is no event for it. `not_before` = the next reading, empty after the last one.
    """

    post = models.ForeignKey(
        MomentPost,
        on_delete=models.CASCADE,
        related_name="readings",
        verbose_name=_("moments post"),
    )
    userid = models.CharField(max_length=64)
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("guide"),
    )
    published_at = models.DateTimeField(_("published at"))
    customers = models.PositiveIntegerField(_("shown to customers"), default=0)
    likes = models.PositiveIntegerField(_("likes"), default=0)
    comments = models.PositiveIntegerField(_("comments"), default=0)
    read_at = models.DateTimeField(_("read at"), null=True)
    not_before = models.DateTimeField(_("next reading"), null=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("reading of a moments post")
        verbose_name_plural = _("readings of moments posts")
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(not_before__isnull=False),
                name="outreach_reading_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["post", "userid"], name="outreach_reading_once")
        ]

    def __str__(self) -> str:
        return f"moment_reading:{self.pk}"
