"""Posts for customers' moments."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import OutgoingOnce
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
