"""继承: a guide's customers of one store go to successors, each customer's state to its end."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import LeasedModel
from apps.handovers.models.attempts import HandoverAttempt
from apps.handovers.querysets import (
    OPEN,
    UNFINISHED,
    HandoverCallQuerySet,
    HandoverItemQuerySet,
    HandoverRunQuerySet,
)
from apps.stores.models import Guide


class HandoverRun(models.Model):
    """One guide's customers of one store, planned, allowed, started, followed to the end."""

    class Kind(models.TextChoices):
        RESIGNED = "resigned", _("after leaving")
        ON_JOB = "on_job", _("on the job")

    class State(models.TextChoices):
        DRAFT = "draft", _("not begun yet")
        TO_APPROVE = "to_approve", _("waits for approval")
        RUNNING = "running", _("running")
        DONE = "done", _("finished")
        DROPPED = "dropped", _("dropped")

    corp_id = models.CharField(_("corp id"), max_length=40)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    to_store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("receiving store"),
    )
    words = models.CharField(_("greeting by the successor"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    planned_by = models.CharField(_("planned by"), max_length=40)
    planned_at = models.DateTimeField(_("planned at"))
    decided_by = models.CharField(_("decided by"), max_length=40, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decision = models.CharField(_("word of the decision"), max_length=200, blank=True)
    started_by = models.CharField(_("started by"), max_length=40, blank=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    objects = HandoverRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("handover")
        verbose_name_plural = _("handovers")
        indexes = [models.Index(fields=["store", "-planned_at"], name="handovers_run_store")]
        constraints = [
            models.UniqueConstraint(
                fields=["guide", "store"],
                condition=Q(state__in=UNFINISHED),
                name="handovers_one_unfinished_run",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(started_at__isnull=False),
                name="handovers_running_has_begun",
            ),
        ]

    def __str__(self) -> str:
        return f"handover:{self.pk}"

    @property
    def has_left(self) -> bool:
        return self.kind == self.Kind.RESIGNED

    def fits(self, guide: Guide) -> bool:
        """Somebody else, in the same WeCom: it hands nobody over to another corp."""
        return guide.pk != self.guide_id and guide.corp_id == self.corp_id

    @property
    def crosses_owners(self) -> bool:
        """直营/加盟 or another company: somebody above both stores has to allow it."""
        return (
            self.store.legal_entity_id != self.to_store.legal_entity_id
            or self.store.ownership != self.to_store.ownership
        )


class HandoverCall(LeasedModel):
    """One call to WeCom: up to a hundred customers from one guide to one successor. The row is
    there first; once it has been called, it is asked about until every customer has an end."""

    class State(models.TextChoices):
        QUEUED = "queued", _("to be called")
        ASKED = "asked", _("asked about")
        UNKNOWN = "unknown", _("answer was lost")
        CLOSED = "closed", _("closed")

    run = models.ForeignKey(
        HandoverRun, on_delete=models.CASCADE, related_name="calls", verbose_name=_("handover")
    )
    takeover = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("successor")
    )
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    due_at = models.DateTimeField(_("due at"))
    call_started_at = models.DateTimeField(_("call started at"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    asks = models.PositiveSmallIntegerField(_("times asked"), default=0)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    objects = HandoverCallQuerySet.as_manager()

    class Meta:
        verbose_name = _("call of a handover")
        verbose_name_plural = _("calls of handovers")
        indexes = [
            models.Index(
                fields=["state", "due_at"],
                condition=~Q(state="closed"),
                name="handovers_call_due",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "closed"]) | Q(call_started_at__isnull=False),
                name="handovers_asked_was_called",
            )
        ]

    def __str__(self) -> str:
        return f"handover_call:{self.pk}"


class HandoverItem(HandoverAttempt):
    """One customer and one attempt to give them to one successor. WeCom's lists mix attempts, so
    (giving guide, successor, customer, attempt) is our own key."""

    class State(models.TextChoices):
        PLANNED = "planned", _("not begun yet")
        QUEUED = "queued", _("about to be handed over")
        UNKNOWN = "unknown", _("being looked up")
        WAITING = "waiting", _("within 24 hours")
        DONE = "done", _("has gone over")
        REFUSED = "refused", _("TA wants to keep nobody new")
        FULL = "full", _("the successor's list is full")
        CANNOT = "cannot", _("WeCom does not allow it")
        LEFT = "left", _("left to you")

    run = models.ForeignKey(
        HandoverRun, on_delete=models.CASCADE, related_name="items", verbose_name=_("handover")
    )
    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    # empty: served, but no WeCom friend; nothing is asked of WeCom then
    external_userid = models.CharField(_("external id"), max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.PLANNED)
    call = models.ForeignKey(
        HandoverCall, on_delete=models.PROTECT, related_name="items", null=True
    )
    takeover_at = models.DateTimeField(_("takes place at"), null=True)
    # done by our count, and WeCom's list of customers who are nobody's names TA all the same
    unassigned_at = models.DateTimeField(_("nobody's in WeCom, seen at"), null=True)
    # what told the successor of TA
    reassignment = models.ForeignKey(
        "handovers.Reassignment", on_delete=models.SET_NULL, related_name="+", null=True
    )

    objects = HandoverItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer of a handover")
        verbose_name_plural = _("customers of handovers")
        indexes = [
            models.Index(fields=["run", "state"], name="handovers_item_run"),
            models.Index(fields=["external_userid", "-called_at"], name="handovers_item_ext"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["guide", "takeover", "external_userid", "attempt"],
                condition=~Q(external_userid=""),
                name="handovers_attempt_once",
            ),
            models.UniqueConstraint(
                fields=["run", "member", "external_userid"],
                condition=Q(is_current=True),
                name="handovers_customer_once",
            ),
            models.UniqueConstraint(
                fields=["guide", "member", "external_userid"],
                condition=Q(state__in=OPEN),
                name="handovers_customer_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"handover_item:{self.pk}"
