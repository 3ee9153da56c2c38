"""What is handed out, whom it was counted for, and who got no task of it."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.guide_tasks.models.rules import TaskRule
from apps.guide_tasks.models.states import Grade
from apps.guide_tasks.querysets import NotIssuedQuerySet, TaskPushQuerySet

# a decision takes seconds; beat asks for it every minute
START_WITHIN = timedelta(minutes=5)


class AssignBy(models.TextChoices):
    """Who of several guides gets a member. Whoever it is must be TA's WeCom friend."""

    SERVING = "serving", _("serving guide")
    FRIEND = "friend", _("serving guide, else another WeCom friend")
    LAST = "last", _("who was in touch last")
    POOL = "pool", _("the store, least busy first")


class TaskPush(models.Model):
    """What HQ (or a rule) hands out; always of a campaign. Hours are chain-local times of day."""

    class Kind(models.TextChoices):
        CONTACT = "contact", _("contact members")
        FOLLOW_UP = "follow_up", _("follow up")
        CARE = "care", _("after-purchase care")
        CASE_CLOSED = "case_closed", _("after a complaint")
        GREETING = "greeting", _("greet a new friend")
        WELCOME = "welcome", _("welcome a new member")
        BIRTHDAY = "birthday", _("birthday")
        POINTS = "points", _("points about to end")
        COUPONS = "coupons", _("coupons about to end")
        REPURCHASE = "repurchase", _("repurchase due")
        SILENT = "silent", _("silent wake-up")
        LEAD = "lead", _("first order")
        REVISIT = "revisit", _("after a visit")
        APPOINTMENT = "appointment", _("remind of an appointment")
        THANKS = "thanks", _("thanks after an appointment")
        NEW_GOODS = "new_goods", _("new goods")
        RECRUIT = "recruit", _("win members or friends")
        DISPLAY = "display", _("display with photo")
        GROUP = "group", _("once for each store")
        FREE = "free", _("free text")
        MOMENTS = "moments", _("moments post")
        GROUP_SEND = "group_send", _("message to customer groups")

    class QuotaOf(models.TextChoices):
        MEMBERS = "members", _("new members")
        FRIENDS = "friends", _("new WeCom friends")

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("waiting for its hour")
        # decided, and going out in parts
        HANDING_OUT = "handing_out", _("being handed out")
        HANDED_OUT = "handed_out", _("handed out")
        CLOSED = "closed", _("closed")
        # never goes out itself: what a series copies
        PATTERN = "pattern", _("repeats")

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
    # each customer gets it with the message, once
    coupon = models.ForeignKey(
        "loyalty.Coupon",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("coupon"),
    )
    # what goes out beside the words where no script says it: see `outreach.attachments`
    attachments = models.JSONField(_("attachments"), default=list, blank=True)
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
    # a large one: the moment its places were decided, for all of its parts
    handing_out_at = models.DateTimeField(null=True, editable=False)
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
                condition=Q(status__in=["draft", "approved", "pattern"], handed_out_at=None)
                | Q(status="handing_out", handed_out_at=None, handing_out_at__isnull=False)
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
    def is_starting(self) -> bool:
        """Its hour has come: a job decides at this moment who goes where."""
        wanted, waits = self.hand_out_at, self.status == self.Status.APPROVED
        return waits and wanted is not None and wanted <= clock.now()

    @property
    def is_stuck(self) -> bool:
        """It should have begun some minutes ago; beat goes on trying, and it may be changed."""
        wanted = self.hand_out_at
        return self.is_starting and wanted is not None and wanted < clock.now() - START_WITHIN

    @property
    def state_word(self) -> str:
        """Its status as a person sees it."""
        shown = self.Status.HANDING_OUT if self.is_starting else self.Status(self.status)
        return str(shown.label)

    @property
    def has_items(self) -> bool:
        """Its work names no customers: items instead of targets."""
        return self.kind in ITEM_KINDS


# kinds whose work is no named customer
# marketing needs consent; care and the first word are service, a stop mark beats both
SERVICE_KINDS = (
    TaskPush.Kind.CARE,
    TaskPush.Kind.CASE_CLOSED,
    TaskPush.Kind.GREETING,
    TaskPush.Kind.WELCOME,
    TaskPush.Kind.APPOINTMENT,
    TaskPush.Kind.THANKS,
)
# rules that choose by what was worked out from purchases
PROFILED_KINDS = (TaskPush.Kind.REPURCHASE, TaskPush.Kind.SILENT, TaskPush.Kind.NEW_GOODS)
ITEM_KINDS = frozenset(
    {
        TaskPush.Kind.RECRUIT,
        TaskPush.Kind.DISPLAY,
        TaskPush.Kind.GROUP,
        TaskPush.Kind.FREE,
        TaskPush.Kind.MOMENTS,
        TaskPush.Kind.GROUP_SEND,
    }
)
# confirmed on the phone in WeCom, which keeps their time
CONFIRMED_IN_WECOM = frozenset({TaskPush.Kind.MOMENTS, TaskPush.Kind.GROUP_SEND})


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
