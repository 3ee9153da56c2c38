"""Each guide's share of a push, each member in it, and what the manager said of them."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.guide_tasks.models.pushes import TaskPush
from apps.guide_tasks.models.states import OPEN_STATES, ExcuseReason, Grade, State
from apps.guide_tasks.querysets import GuideTaskQuerySet, TaskTargetQuerySet


class GuideTask(models.Model):
    """One guide's share of a push. Store as of hand-out."""

    push = models.ForeignKey(
        TaskPush, on_delete=models.CASCADE, related_name="+", verbose_name=_("push")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    due_at = models.DateTimeField(_("due"))
    seen_at = models.DateTimeField(_("seen at"), null=True)
    chased_at = models.DateTimeField(_("chased at"), null=True)
    chases = models.PositiveSmallIntegerField(_("chases"), default=0)
    escalated_at = models.DateTimeField(_("told to the manager at"), null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = GuideTaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("guide task")
        verbose_name_plural = _("guide tasks")
        indexes = [models.Index(fields=["store", "-due_at"], name="guide_tasks_task_store")]
        constraints = [
            models.UniqueConstraint(fields=["push", "guide"], name="guide_tasks_task_once")
        ]

    def __str__(self) -> str:
        return f"guide_task:{self.pk}"

    @property
    def source(self) -> str:
        return f"guide_task:{self.pk}"


class TaskTarget(models.Model):
    """One member inside a guide's task. Two axes: `contact_grade` completes it, outcomes measure
    it.

    `opens_at` keeps work that is planned for later (day-3 care) off today's list. `why` is the
    stored sentence 为什么是TA. `cause` makes a rule's work unique per member and cause.
    """

    push = models.ForeignKey(
        TaskPush,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("push"),
        db_index=False,
        db_constraint=False,  # push, guide and store are copied from the task, which is checked
    )
    task = models.ForeignKey(
        GuideTask,
        on_delete=models.CASCADE,
        related_name="targets",
        verbose_name=_("task"),
        db_index=False,
    )
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("guide"),
        db_index=False,
        db_constraint=False,
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
        db_constraint=False,
    )
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("member"),
        db_index=False,
    )
    external_userid = models.CharField(max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.OPEN)
    contact_grade = models.PositiveSmallIntegerField(
        _("proof"), choices=Grade.choices, default=Grade.NONE
    )
    why = models.CharField(_("why"), max_length=200, blank=True)
    value_fen = models.BigIntegerField(_("value at stake"), default=0)
    opens_at = models.DateTimeField(_("opens at"))
    due_at = models.DateTimeField(_("due"))
    started_at = models.DateTimeField(_("started at"), null=True)
    contacted_at = models.DateTimeField(_("contact proven at"), null=True)
    done_at = models.DateTimeField(_("done at"), null=True)
    engaged_at = models.DateTimeField(_("engaged at"), null=True)
    visited_at = models.DateTimeField(_("visited at"), null=True)
    purchased_at = models.DateTimeField(_("purchased at"), null=True)
    excuse_reason = models.CharField(
        _("reason"), max_length=24, choices=ExcuseReason.choices, blank=True
    )
    excuse_sentence = models.CharField(_("sentence"), max_length=200, blank=True)
    cause = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = TaskTargetQuerySet.as_manager()

    class Meta:
        verbose_name = _("task target")
        verbose_name_plural = _("task targets")
        indexes = [
            # The guide's open work: covering, and only as large as what is open.
            models.Index(
                fields=["guide", "due_at"],
                include=["id", "task", "member", "opens_at"],
                condition=Q(state__in=["open", "in_progress", "to_verify"]),
                name="guide_tasks_target_open",
            ),
            models.Index(fields=["member", "push"], name="guide_tasks_target_member"),
            models.Index(fields=["task", "state"], name="guide_tasks_target_task"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["push", "member"], name="guide_tasks_target_once"),
            models.UniqueConstraint(
                fields=["cause"], condition=~Q(cause=""), name="guide_tasks_cause_once"
            ),
            models.CheckConstraint(
                condition=Q(state="done", done_at__isnull=False)
                | (~Q(state="done") & Q(done_at=None)),
                name="guide_tasks_done_has_time",
            ),
            models.CheckConstraint(
                condition=(Q(state="not_applicable") & ~Q(excuse_reason=""))
                | (~Q(state="not_applicable") & Q(excuse_reason="")),
                name="guide_tasks_excused_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(due_at__gte=F("opens_at")), name="guide_tasks_due_after_open"
            ),
        ]

    def __str__(self) -> str:
        return f"task_target:{self.pk}"

    @property
    def source(self) -> str:
        return f"task_target:{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class TargetMove(models.Model):
    """History of a target's states: nothing moves without a row here."""

    target = models.ForeignKey(
        TaskTarget,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("target"),
        db_index=False,
    )
    from_state = models.CharField(_("from"), max_length=16)
    to_state = models.CharField(_("to"), max_length=16)
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("actor"), max_length=40)
    reason = models.CharField(_("reason"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("move")
        verbose_name_plural = _("moves")
        indexes = [models.Index(fields=["target", "id"], name="guide_tasks_move_target")]

    def __str__(self) -> str:
        return f"{self.from_state}→{self.to_state} task_target:{self.target_id}"


class ExcuseDecision(models.Model):
    """A manager's word on a large share of 不适用 in a guide's task. `kept` stayed excused then:
    with more of them the manager is asked again."""

    task = models.ForeignKey(
        GuideTask,
        on_delete=models.CASCADE,
        related_name="excuse_decisions",
        verbose_name=_("task"),
    )
    excused = models.PositiveIntegerField(_("not applicable"))
    kept = models.PositiveIntegerField(_("of these left so"))
    decided_at = models.DateTimeField(_("decided at"))
    decided_by = models.CharField(_("decided by"), max_length=40)

    class Meta:
        verbose_name = _("decision on not applicable")
        verbose_name_plural = _("decisions on not applicable")

    def __str__(self) -> str:
        return f"guide_task:{self.task_id} {self.kept}/{self.excused}"
