"""Whom: a segment is a versioned tree of conditions; a run freezes who was in it."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Segment(models.Model):
    name = models.CharField(_("name"), max_length=80, unique=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SegmentVersion(models.Model):
    """One published tree. Never changed; an edit makes the next number."""

    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="versions", verbose_name=_("segment")
    )
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("definition"))
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("segment version")
        verbose_name_plural = _("segment versions")
        constraints = [
            models.UniqueConstraint(fields=["segment", "number"], name="segments_version_once")
        ]

    def __str__(self) -> str:
        return f"segment:{self.segment_id} v{self.number}"


class SegmentRun(models.Model):
    """Who was in a version at a moment: one roaring bitmap of survivor ids, with the resolved
    bounds."""

    version = models.ForeignKey(
        SegmentVersion, on_delete=models.CASCADE, related_name="+", verbose_name=_("version")
    )
    as_of = models.DateTimeField(_("as of"))
    bounds = models.JSONField(_("resolved bounds"), default=dict)
    member_count = models.PositiveIntegerField(_("members"))
    members = models.BinaryField(editable=False)
    duration_ms = models.PositiveIntegerField(_("duration"), default=0)
    cause = models.CharField(_("cause"), max_length=40)

    class Meta:
        verbose_name = _("segment run")
        verbose_name_plural = _("segment runs")
        indexes = [models.Index(fields=["version", "-as_of"], name="segments_run_latest")]

    def __str__(self) -> str:
        return f"segment_run:{self.pk}"
