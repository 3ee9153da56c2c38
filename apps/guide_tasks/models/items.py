"""Work that names no customer."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.guide_tasks import photos
from apps.guide_tasks.models.pushes import TaskPush
from apps.guide_tasks.models.states import OPEN_STATES, ItemExcuse, State
from apps.guide_tasks.querysets import TaskItemQuerySet


class TaskItem(models.Model):
    """One thing to do that is no named customer: a quota, a photo, a post, a sentence.

    Without a guide it is the store's: anybody there does it, once. Its states and moves are those
    of a target. `proof` says by whose word it is done; `excuse_sentence` why it need not be.
    """

    class Proof(models.TextChoices):
        NONE = "", _("no proof")
        SELF_REPORTED = "self_reported", _("self-reported")
        APPROVED = "approved", _("photo approved")
        COUNTED = "counted", _("counted")
        WECOM = "wecom", _("WeCom's result")

    push = models.ForeignKey(
        TaskPush,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("push"),
        db_index=False,
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("guide"),
        db_index=False,
    )
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.OPEN)
    proof = models.CharField(
        _("proof"), max_length=16, choices=Proof.choices, default=Proof.NONE, blank=True
    )
    quota = models.PositiveSmallIntegerField(_("quota"), null=True)
    counted = models.PositiveIntegerField(_("counted"), default=0)
    opens_at = models.DateTimeField(_("opens at"))
    due_at = models.DateTimeField(_("due"))
    seen_at = models.DateTimeField(_("seen at"), null=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    photo = models.FileField(_("photo"), upload_to=photos.place, blank=True)
    done_by = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("done by"),
        db_index=False,
    )
    submitted_at = models.DateTimeField(_("handed in at"), null=True)
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True)
    reviewed_by = models.CharField(_("reviewed by"), max_length=40, blank=True)
    refusal = models.CharField(_("why not"), max_length=200, blank=True)
    done_at = models.DateTimeField(_("done at"), null=True)
    excuse_reason = models.CharField(
        _("reason"), max_length=24, choices=ItemExcuse.choices, blank=True
    )
    excuse_sentence = models.CharField(_("sentence"), max_length=200, blank=True)
    chased_at = models.DateTimeField(_("chased at"), null=True)
    chases = models.PositiveSmallIntegerField(_("chases"), default=0)
    created_at = models.DateTimeField(db_default=Now())

    objects = TaskItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("task item")
        verbose_name_plural = _("task items")
        indexes = [
            models.Index(
                fields=["guide", "due_at"],
                condition=Q(state__in=["open", "in_progress", "to_verify"]),
                name="guide_tasks_item_open",
            ),
            models.Index(fields=["guide", "done_at"], name="guide_tasks_item_done"),
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=["open", "in_progress", "to_verify"]),
                name="guide_tasks_item_due",
            ),
            models.Index(fields=["push", "store", "state"], name="guide_tasks_item_push"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["push", "guide"],
                condition=Q(guide__isnull=False),
                name="guide_tasks_item_once_a_guide",
            ),
            models.UniqueConstraint(
                fields=["push", "store"],
                condition=Q(guide=None),
                name="guide_tasks_item_once_a_store",
            ),
            models.CheckConstraint(
                condition=(Q(state="done", done_at__isnull=False) & ~Q(proof=""))
                | (~Q(state="done") & Q(done_at=None)),
                name="guide_tasks_item_done_is_proven",
            ),
            models.CheckConstraint(
                condition=(Q(state="not_applicable") & ~Q(excuse_reason=""))
                | (~Q(state="not_applicable") & Q(excuse_reason="")),
                name="guide_tasks_item_excused_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(due_at__gte=F("opens_at")), name="guide_tasks_item_due_after_open"
            ),
        ]

    def __str__(self) -> str:
        return self.source

    @property
    def source(self) -> str:
        return f"task_item:{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class ItemMove(models.Model):
    """History of an item's states: nothing moves without a row here."""

    item = models.ForeignKey(
        TaskItem, on_delete=models.CASCADE, related_name="+", verbose_name=_("item"), db_index=False
    )
    from_state = models.CharField(_("from"), max_length=16)
    to_state = models.CharField(_("to"), max_length=16)
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("actor"), max_length=40)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("move of an item")
        verbose_name_plural = _("moves of items")
        indexes = [models.Index(fields=["item", "id"], name="guide_tasks_itemmove_item")]

    def __str__(self) -> str:
        return f"{self.from_state}→{self.to_state} task_item:{self.item_id}"


class ItemExcuseDecision(models.Model):
    """A manager's word on a push's 不适用 in one store. `kept` stayed excused then: with more of
    them the manager is asked again."""

    push = models.ForeignKey(
        TaskPush, on_delete=models.CASCADE, related_name="+", verbose_name=_("push"), db_index=False
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    excused = models.PositiveIntegerField(_("not applicable"))
    kept = models.PositiveIntegerField(_("of these left so"))
    decided_at = models.DateTimeField(_("decided at"))
    decided_by = models.CharField(_("decided by"), max_length=40)

    class Meta:
        verbose_name = _("decision on store work not applicable")
        verbose_name_plural = _("decisions on store work not applicable")
        indexes = [
            models.Index(fields=["push", "store", "id"], name="guide_tasks_item_decision"),
        ]

    def __str__(self) -> str:
        return f"task_push:{self.push_id} store:{self.store_id} {self.kept}/{self.excused}"
