"""Proofs, and orders that came by a link of ours."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.guide_tasks.models.pushes import TaskPush
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


class LinkOrder(models.Model):
    """An order whose shop named the tracked link it came by. The link's guide and push are kept
    beside it: a message may be taken away later, who brought the order stays.

    It is no proof of contact: a link may be passed on, and then somebody else buys.
    """

    order = models.OneToOneField(
        "orders.Order", on_delete=models.CASCADE, related_name="+", verbose_name=_("order")
    )
    link = models.ForeignKey(
        "outreach.TrackedLink",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("tracked link"),
    )
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("guide"),
    )
    push = models.ForeignKey(
        TaskPush, on_delete=models.CASCADE, related_name="+", null=True, verbose_name=_("push")
    )
    told_at = models.DateTimeField(_("told at"))

    class Meta:
        verbose_name = _("order by a link")
        verbose_name_plural = _("orders by links")

    def __str__(self) -> str:
        return f"link_order:{self.pk}"
