"""Proofs."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.guide_tasks.models.states import Grade, Outcome
from apps.guide_tasks.models.targets import TaskTarget
from apps.guide_tasks.querysets import EvidenceQuerySet


class Evidence(models.Model):
    """One proof, of contact (`grade`) or of an outcome. Unique source; also the second of a kind
    is kept."""

    target = models.ForeignKey(
        TaskTarget,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("target"),
        db_index=False,
    )
    grade = models.PositiveSmallIntegerField(_("proof"), choices=Grade.choices, null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    source = models.CharField(_("source"), max_length=100)
    actor = models.CharField(_("actor"), max_length=40, default="system")
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
        indexes = [
            # an order that is returned or corrected finds the targets it fell to
            models.Index(
                fields=["source"],
                condition=Q(outcome="purchased"),
                name="guide_tasks_evidence_sale",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["target", "source"], name="guide_tasks_evidence_once"),
            models.CheckConstraint(
                condition=Q(grade__isnull=False, outcome="") | (Q(grade=None) & ~Q(outcome="")),
                name="guide_tasks_evidence_one_axis",
            ),
        ]

    def __str__(self) -> str:
        return f"evidence {self.source}"
