"""The work handed to guides: pushes, each guide's share, each member in it, and every proof."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.guide_tasks import photos
from apps.guide_tasks.querysets import (
    EvidenceQuerySet,
    GuideTaskQuerySet,
    NotIssuedQuerySet,
    TaskItemQuerySet,
    TaskPushQuerySet,
    TaskTargetQuerySet,
)


class Grade(models.IntegerChoices):
    """完成认定: how well a contact is proven. Grades only rise."""

    NONE = 0, _("no proof")
    SELF_REPORTED = 1, _("self-reported")
    INITIATED = 2, _("initiated")
    DELIVERED = 3, _("delivered")


class Outcome(models.TextChoices):
    """结果: what the customer did. Measures worth, never completes a contact."""

    ENGAGED = "engaged", _("engaged")
    VISITED = "visited", _("visited")
    PURCHASED = "purchased", _("purchased")


class State(models.TextChoices):
    OPEN = "open", _("open")
    IN_PROGRESS = "in_progress", _("in progress")
    TO_VERIFY = "to_verify", _("to verify")
    DONE = "done", _("done")
    NOT_DONE = "not_done", _("not done")
    EXPIRED = "expired", _("expired")
    NOT_APPLICABLE = "not_applicable", _("not applicable")


OPEN_STATES = (State.OPEN, State.IN_PROGRESS, State.TO_VERIFY)

# Every legal move; anything else is refused. Only outcomes may still be noted on a finished target.
MOVES: dict[str, tuple[str, ...]] = {
    State.OPEN: (
        State.IN_PROGRESS,
        State.TO_VERIFY,
        State.DONE,
        State.EXPIRED,
        State.NOT_APPLICABLE,
    ),
    State.IN_PROGRESS: (State.TO_VERIFY, State.DONE, State.NOT_DONE, State.NOT_APPLICABLE),
    State.TO_VERIFY: (State.IN_PROGRESS, State.DONE, State.NOT_DONE, State.NOT_APPLICABLE),
    State.DONE: (),
    State.NOT_DONE: (State.DONE,),
    State.EXPIRED: (State.DONE,),
    State.NOT_APPLICABLE: (State.OPEN,),
}


class ExcuseReason(models.TextChoices):
    """Why a target is 不适用. The first six are offered to the guide; the rest come from proof."""

    BOUGHT_ALREADY = "bought_already", _("bought recently")
    ASKED_TO_STOP = "asked_to_stop", _("asked not to be contacted")
    MOVED_AWAY = "moved_away", _("moved away")
    WRONG_PERSON = "wrong_person", _("not the right person")
    JUST_TALKED = "just_talked", _("we just talked")
    OTHER = "other", _("another reason")
    BOUGHT_WITHOUT_CONTACT = "bought_without_contact", _("bought without contact")
    NOT_FRIEND = "not_friend", _("no longer a WeCom friend")
    OVER_LIMIT = "over_limit", _("monthly limit reached")
    RETURNED = "returned", _("returned the goods")
    WITHDRAWN = "withdrawn", _("withdrawn by head office")
    CONSENT_GONE = "consent_gone", _("took back the consent")


class AssignBy(models.TextChoices):
    """Who of several guides gets a member. Whoever it is must be TA's WeCom friend."""

    SERVING = "serving", _("serving guide")
    FRIEND = "friend", _("serving guide, else another WeCom friend")
    LAST = "last", _("who was in touch last")
    POOL = "pool", _("the store, least busy first")


class TaskRule(models.Model):
    """A task the product makes by itself when something happens. HQ edits what it says and when.

    Which numbers a trigger asks for stands in `services.rules.settings`. Care may have several
    rows, one per step: `delay_days` after the purchase, for one category or (empty) for all others.
    """

    class Key(models.TextChoices):
        FOLLOW_UP = "follow_up", _("delivered, no order since")
        CARE = "care", _("after-purchase care")
        GREETING = "greeting", _("new WeCom friend")
        WELCOME = "welcome", _("new member")
        BIRTHDAY = "birthday", _("birthday")
        REPURCHASE = "repurchase", _("repurchase due")
        SILENT = "silent", _("becoming silent")
        LEAD = "lead", _("no first order yet")
        REVISIT = "revisit", _("visit without a purchase")

    key = models.CharField(_("trigger"), max_length=20, choices=Key.choices)
    category = models.CharField(_("category"), max_length=40, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    # what happened before a rule stood is none of its business; moved by save()
    active_since = models.DateTimeField(_("active since"), null=True, editable=False)
    # the chain's day whose look is done, for rules that look once a day
    looked_on = models.DateField(null=True, editable=False)
    title = models.CharField(_("title"), max_length=40)
    template = models.ForeignKey(
        "outreach.MessageTemplate",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("script"),
    )
    lead_days = models.PositiveSmallIntegerField(_("days before"), default=0)
    delay_days = models.PositiveSmallIntegerField(_("delay in days"), default=0)
    due_days = models.PositiveSmallIntegerField(_("days to do it"), default=1)
    # who was reached in so many days is left in peace; 0 = does not matter
    skip_days = models.PositiveSmallIntegerField(_("skip when contacted in days"), default=0)
    required_grade = models.PositiveSmallIntegerField(
        _("counts as done at"), choices=Grade.choices, default=Grade.DELIVERED
    )
    daily_cap = models.PositiveSmallIntegerField(
        _("at most per guide and day"), null=True, blank=True
    )
    minutes = models.PositiveSmallIntegerField(_("minutes per contact"), default=2)
    campaign = models.ForeignKey(
        "campaigns.Campaign",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("campaign"),
    )

    class Meta:
        verbose_name = _("task rule")
        verbose_name_plural = _("task rules")
        constraints = [
            models.UniqueConstraint(
                fields=["key", "category", "delay_days"],
                condition=Q(key="care"),
                name="guide_tasks_rule_care_step_once",
            ),
            models.UniqueConstraint(
                fields=["key"], condition=~Q(key="care"), name="guide_tasks_rule_once"
            ),
            models.CheckConstraint(
                condition=Q(daily_cap=None) | Q(daily_cap__gte=1),
                name="guide_tasks_rule_cap_is_some",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.get_key_display()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Switching a rule on starts its time anew, wherever it is switched."""
        if not self.is_active:
            self.active_since = self.looked_on = None
        elif self.active_since is None:
            self.active_since = clock.now()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "active_since", "looked_on"}
        super().save(*args, **kwargs)


class TaskPush(models.Model):
    """What HQ (or a rule) hands out; always of a campaign. Hours are chain-local times of day."""

    class Kind(models.TextChoices):
        CONTACT = "contact", _("contact members")
        FOLLOW_UP = "follow_up", _("follow up")
        CARE = "care", _("after-purchase care")
        GREETING = "greeting", _("greet a new friend")
        WELCOME = "welcome", _("welcome a new member")
        BIRTHDAY = "birthday", _("birthday")
        REPURCHASE = "repurchase", _("repurchase due")
        SILENT = "silent", _("silent wake-up")
        LEAD = "lead", _("first order")
        REVISIT = "revisit", _("after a visit")
        RECRUIT = "recruit", _("win members or friends")
        DISPLAY = "display", _("display with photo")
        GROUP = "group", _("once for each store")
        FREE = "free", _("free text")
        MOMENTS = "moments", _("moments post")

    class QuotaOf(models.TextChoices):
        MEMBERS = "members", _("new members")
        FRIENDS = "friends", _("new WeCom friends")

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("waiting for its hour")
        HANDED_OUT = "handed_out", _("handed out")
        CLOSED = "closed", _("closed")

    campaign = models.ForeignKey(
        "campaigns.Campaign",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("campaign"),
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.CONTACT)
    title = models.CharField(_("title"), max_length=40)
    status = models.CharField(
        _("status"), max_length=12, choices=Status.choices, default=Status.DRAFT
    )
    segment_run = models.ForeignKey(
        "segments.SegmentRun",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("frozen segment"),
    )
    template = models.ForeignKey(
        "outreach.MessageTemplate",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("script"),
    )
    body = models.TextField(_("personal text"), blank=True)
    generic_body = models.TextField(_("text for everybody"), blank=True)
    asset = models.ForeignKey(
        "outreach.ContentAsset",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("content"),
    )
    result_tags = models.ManyToManyField(
        "tagging.Tag", related_name="+", blank=True, verbose_name=_("result tags")
    )
    required_grade = models.PositiveSmallIntegerField(
        _("counts as done at"), choices=Grade.choices, default=Grade.DELIVERED
    )
    assign_by = models.CharField(
        _("who gets it"), max_length=8, choices=AssignBy.choices, default=AssignBy.SERVING
    )
    follow_up_days = models.PositiveSmallIntegerField(
        _("follow up when no order after days"), null=True, blank=True, default=7
    )
    hand_out_at = models.DateTimeField(_("hand out at"), null=True, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    hand_out_from = models.TimeField(_("hand-out from"))
    hand_out_until = models.TimeField(_("hand-out until"))
    contact_from = models.TimeField(_("contact customers from"))
    contact_until = models.TimeField(_("contact customers until"))
    minutes_per_target = models.PositiveSmallIntegerField(_("minutes per customer"), default=2)
    rule = models.ForeignKey(
        TaskRule, on_delete=models.PROTECT, related_name="+", null=True, verbose_name=_("rule")
    )
    rule_on = models.DateField(null=True)
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    handed_out_at = models.DateTimeField(_("handed out at"), null=True)
    closed_at = models.DateTimeField(_("closed at"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, editable=False)
    # a large hand-out tells its events after its commit, in batches; empty = not yet through
    told_at = models.DateTimeField(_("told at"), null=True, editable=False)
    # pushes of items: which places (none chosen = the chain), how many, once a store or each guide
    regions = models.ManyToManyField(
        "stores.Region", related_name="+", blank=True, verbose_name=_("regions")
    )
    stores = models.ManyToManyField(
        "stores.Store", related_name="+", blank=True, verbose_name=_("stores")
    )
    quota = models.PositiveSmallIntegerField(_("quota per guide"), null=True, blank=True)
    quota_of = models.CharField(_("quota of"), max_length=8, choices=QuotaOf.choices, blank=True)
    once_per_store = models.BooleanField(_("once for each store"), default=False)
    # the form that made it: sent twice, it makes one push
    client_id = models.UUIDField(null=True, unique=True, editable=False)

    objects = TaskPushQuerySet.as_manager()

    class Meta:
        verbose_name = _("task push")
        verbose_name_plural = _("task pushes")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["draft", "approved"], handed_out_at=None)
                | Q(status__in=["handed_out", "closed"], handed_out_at__isnull=False),
                name="guide_tasks_push_handed_out_has_time",
            ),
            models.UniqueConstraint(
                fields=["rule", "rule_on"],
                condition=Q(rule__isnull=False),
                name="guide_tasks_one_push_per_rule_and_day",
            ),
            models.CheckConstraint(
                condition=Q(kind="recruit", quota__gte=1) & ~Q(quota_of="")
                | (~Q(kind="recruit") & Q(quota=None, quota_of="")),
                name="guide_tasks_recruit_has_quota",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def source(self) -> str:
        return f"task_push:{self.pk}"

    @property
    def has_items(self) -> bool:
        """Its work names no customers: items instead of targets."""
        return self.kind in ITEM_KINDS


# kinds whose work is no named customer
ITEM_KINDS = frozenset(
    {
        TaskPush.Kind.RECRUIT,
        TaskPush.Kind.DISPLAY,
        TaskPush.Kind.GROUP,
        TaskPush.Kind.FREE,
        TaskPush.Kind.MOMENTS,
    }
)


class PushForecast(models.Model):
    """Where each planned member would go, as counted at the wizard's last step: place → roaring
    bitmap (base64). The hand-out compares itself with it, so that what changed in between has a
    name, and leaves here whom it drew into the control group: those members have no other row of
    the push."""

    push = models.OneToOneField(
        TaskPush, on_delete=models.CASCADE, related_name="forecast", verbose_name=_("push")
    )
    counted_at = models.DateTimeField(_("counted at"))
    places = models.JSONField(_("places"), default=dict)
    # of those who would get a task: guide id → how many, so that the cost per guide is known
    loads = models.JSONField(_("customers per guide"), default=dict)
    # drawn at hand-out for this push: roaring bitmap, null before it
    control_members = models.BinaryField(null=True, editable=False)
    changes = models.JSONField(_("changes until hand-out"), default=list)

    class Meta:
        verbose_name = _("forecast")
        verbose_name_plural = _("forecasts")

    def __str__(self) -> str:
        return f"forecast of push:{self.push_id}"


class NotIssued(models.Model):
    """A planned member who got no task: the first reason that applies, and the sentence shown for
    it."""

    push = models.ForeignKey(
        TaskPush, on_delete=models.CASCADE, related_name="+", verbose_name=_("push")
    )
    member = models.ForeignKey(
        "members.Member", on_delete=models.PROTECT, related_name="+", verbose_name=_("member")
    )
    reason = models.CharField(_("reason"), max_length=30)
    sentence = models.CharField(_("sentence"), max_length=200)

    objects = NotIssuedQuerySet.as_manager()

    class Meta:
        verbose_name = _("not issued")
        verbose_name_plural = _("not issued")
        constraints = [
            models.UniqueConstraint(fields=["push", "member"], name="guide_tasks_notissued_once")
        ]

    def __str__(self) -> str:
        return f"{self.reason} push:{self.push_id} member:{self.member_id}"


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


class TaskItem(models.Model):
    """One thing to do that is no named customer: a quota, a photo, a post, a sentence.

    Without a guide it is the store's: anybody there does it, once. Its states and moves are those
    of a target. `proof` says by whose word it is done.
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
