"""Runs of the mirror: what was compared with WeCom, how far it came, what it healed."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import LeasedModel
from apps.wecom_sync.querysets import GuideDayQuerySet, StoreMoveQuerySet, TagWordQuerySet


class SyncRun(LeasedModel):
    """One pass of the reconciler over one kind of object. A failed one is a thing for a person to
    see.

    `position` is how far it came: a run that was killed goes on there. A dry run writes nothing and
    keeps examples of what it would have done.
    """

    class Kind(models.TextChoices):
        TREE = "tree", _("department tree")
        DEPARTMENTS = "departments", _("departments and staff")
        TAGS = "tags", _("corp tags")
        CONTACTS = "contacts", _("external contacts and friendships")
        WAYS = "contact_ways", _("channel codes")
        GROUPS = "groups", _("customer groups")
        UNASSIGNED = "unassigned", _("leavers' customers")

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    corp_id = models.CharField(_("corp id"), max_length=40)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.RUNNING)
    dry = models.BooleanField(_("dry run"), default=False)
    position = models.CharField(_("came as far as"), max_length=80, blank=True)
    parts = models.PositiveIntegerField(_("parts"), default=0)
    parts_done = models.PositiveIntegerField(_("parts done"), default=0)
    resumed = models.PositiveSmallIntegerField(_("taken up again"), default=0)
    seen = models.PositiveIntegerField(_("seen"), default=0)
    missing_here = models.PositiveIntegerField(_("missing here"), default=0)
    missing_there = models.PositiveIntegerField(_("missing in WeCom"), default=0)
    differing = models.PositiveIntegerField(_("differing"), default=0)
    healed = models.PositiveIntegerField(_("healed"), default=0)
    examples = models.JSONField(_("examples"), default=list, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    started_at = models.DateTimeField(_("started at"), db_default=Now())
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
        indexes = [models.Index(fields=["kind", "-started_at"], name="wecom_sync_run_latest")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "corp_id", "dry"],
                condition=Q(state="running"),
                name="wecom_sync_one_running",
            )
        ]

    def __str__(self) -> str:
        return f"sync_run:{self.pk}"

    @property
    def drift(self) -> int:
        """How many things were not the same on both sides."""
        return self.missing_here + self.missing_there + self.differing

    def is_stalled(self, now: datetime) -> bool:
        """Whoever was at it is gone: the next one goes on."""
        running = self.state == self.State.RUNNING
        return running and self.lease_until is not None and self.lease_until < now

    @property
    def left(self) -> int:
        """Differences that were found and not healed."""
        return max(self.drift - self.healed, 0)


class Department(models.Model):
    """A department as WeCom shows it. Stores name theirs by number; the tree itself decides
    nothing here."""

    corp_id = models.CharField(_("corp id"), max_length=40)
    number = models.BigIntegerField(_("number"))
    parent = models.BigIntegerField(_("number of the one above"))
    name = models.CharField(_("name"), max_length=64)
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("WeCom department")
        verbose_name_plural = _("WeCom departments")
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "number"], name="wecom_sync_department_once")
        ]

    def __str__(self) -> str:
        return self.name


class StoreMove(models.Model):
    """A guide sits in another store's department than the store they work in. Head office says what
    it means: nobody's posting changes because of WeCom."""

    class State(models.TextChoices):
        OPEN = "open", _("to be decided")
        TAKEN = "taken", _("works there now")
        KEPT = "kept", _("stays")
        GONE = "gone", _("over by itself")

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.CASCADE, related_name="+", verbose_name=_("guide")
    )
    from_store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("works in")
    )
    to_store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("department of"),
    )
    state = models.CharField(_("state"), max_length=5, choices=State.choices, default=State.OPEN)
    seen_at = models.DateTimeField(_("seen at"))
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decided_by = models.CharField(_("decided by"), max_length=40, blank=True)

    objects = StoreMoveQuerySet.as_manager()

    class Meta:
        verbose_name = _("move to another store's department")
        verbose_name_plural = _("moves to other stores' departments")
        constraints = [
            # what stands for WeCom's picture of now: waiting for a word, or answered with "stays"
            models.UniqueConstraint(
                fields=["guide"],
                condition=Q(state__in=["open", "kept"]),
                name="wecom_sync_move_once",
            )
        ]

    def __str__(self) -> str:
        return f"guide:{self.guide_id} {self.from_store_id}>{self.to_store_id}"


class FollowNews(models.Model):
    """The latest begin and end of a friendship that callbacks told us of, kept although we may not
    know the friendship yet: callbacks come in any order, and WeCom goes on listing a guide whom the
    customer deleted."""

    corp_id = models.CharField(max_length=40)
    userid = models.CharField(max_length=64)
    external_userid = models.CharField(max_length=64)
    added_at = models.DateTimeField(_("began at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    ended_by = models.CharField(_("ended by"), max_length=12, blank=True)

    class Meta:
        verbose_name = _("news of a friendship")
        verbose_name_plural = _("news of friendships")
        constraints = [
            models.UniqueConstraint(
                fields=["corp_id", "userid", "external_userid"], name="wecom_sync_news_once"
            )
        ]

    def __str__(self) -> str:
        return f"follow_news:{self.pk}"


class CorpTag(models.Model):
    """A tag of ours and the tag of a corp that stands for it."""

    corp_id = models.CharField(_("corp id"), max_length=40)
    wecom_id = models.CharField(_("id in WeCom"), max_length=64)
    tag = models.ForeignKey(
        "tagging.Tag", on_delete=models.CASCADE, related_name="+", verbose_name=_("tag")
    )
    name_there = models.CharField(_("name in WeCom"), max_length=30)
    # another app made it: WeCom lets us mark customers with it, but not rename it
    is_ours = models.BooleanField(_("may be renamed by us"), default=True)
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("corp tag")
        verbose_name_plural = _("corp tags")
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "wecom_id"], name="wecom_sync_tag_there"),
            models.UniqueConstraint(fields=["corp_id", "tag"], name="wecom_sync_tag_here"),
        ]

    def __str__(self) -> str:
        return self.name_there


class FollowTags(LeasedModel):
    """Which of our tags WeCom shows on a friend, and whether ours still have to go there.

    `there` is what WeCom showed or took last: what differs from it was changed in WeCom. A row with
    `due_at` waits for a worker, who sends the difference; marking twice is harmless.
    """

    relation = models.OneToOneField(
        "members.FollowRelation", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    corp_id = models.CharField(max_length=40)
    there = ArrayField(models.IntegerField(), default=list)
    read_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = _("friend's tags in WeCom")
        verbose_name_plural = _("friends' tags in WeCom")
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="wecom_sync_tags_due"
            )
        ]

    def __str__(self) -> str:
        return f"tags of follow:{self.relation_id}"


class TagWord(models.Model):
    """Who said what about a friend's tag, and what became of it. Append-only."""

    class Side(models.TextChoices):
        WECOM = "wecom", pgettext_lazy("menu", "WeCom")
        HQ = "hq", _("here")

    class Outcome(models.TextChoices):
        TAKEN = "taken", _("taken over")
        OVERRULED = "overruled", _("put back: ours count")
        SENT = "sent", _("sent to WeCom")
        REFUSED = "refused", _("WeCom refused")

    at = models.DateTimeField(_("at"))
    corp_id = models.CharField(_("corp id"), max_length=40)
    member_id = models.BigIntegerField(_("member"))
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.CASCADE, related_name="+", verbose_name=_("guide")
    )
    tag = models.ForeignKey(
        "tagging.Tag", on_delete=models.CASCADE, related_name="+", verbose_name=_("tag")
    )
    side = models.CharField(_("said by"), max_length=8, choices=Side.choices)
    added = models.BooleanField(_("added"))
    outcome = models.CharField(_("what became of it"), max_length=10, choices=Outcome.choices)
    errcode = models.IntegerField(_("WeCom's answer"), null=True)

    objects = TagWordQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag history with WeCom")
        verbose_name_plural = _("tag history with WeCom")
        indexes = [
            models.Index(fields=["member_id", "-id"], name="wecom_sync_word_member"),
            models.Index(fields=["at"], name="wecom_sync_word_at"),
        ]

    def __str__(self) -> str:
        return f"tag_word:{self.pk}"


class GuideDay(models.Model):
    """What WeCom counted about a guide on a day, and how many customers the guide declared contact
    with that day (自报, 已发起 alone). The row is there before the figures: `counted_at` is empty
    until WeCom gave them. They are read again on the days after, because WeCom corrects them."""

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.CASCADE, related_name="+", verbose_name=_("guide")
    )
    # as of that day
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    day = models.DateField(_("day"))
    chats = models.PositiveIntegerField(_("chats"), default=0)
    messages = models.PositiveIntegerField(_("messages"), default=0)
    friend_requests = models.PositiveIntegerField(_("friend requests"), default=0)
    new_friends = models.PositiveIntegerField(_("new friends"), default=0)
    negative = models.PositiveIntegerField(_("deleted or blocked by customers"), default=0)
    reply_percent = models.DecimalField(
        _("answered the same day, %"), max_digits=5, decimal_places=2, null=True
    )
    first_reply_minutes = models.PositiveIntegerField(_("minutes to first reply"), null=True)
    declared = models.PositiveIntegerField(_("declared contacts"), default=0)
    counted_at = models.DateTimeField(_("counted at"), null=True)
    reads = models.PositiveSmallIntegerField(default=0, editable=False)
    # when WeCom is asked (again); whoever asks moves it first. Empty: not asked any more
    ask_at = models.DateTimeField(null=True, editable=False)
    looked_at = models.DateTimeField(_("looked at"), null=True)
    looked_by = models.CharField(_("looked at by"), max_length=40, blank=True)

    objects = GuideDayQuerySet.as_manager()

    class Meta:
        verbose_name = _("guide's day in WeCom")
        verbose_name_plural = _("guides' days in WeCom")
        indexes = [
            models.Index(fields=["store", "-day"], name="wecom_sync_day_store"),
            models.Index(
                fields=["ask_at"], condition=Q(ask_at__isnull=False), name="wecom_sync_day_ask"
            ),
            models.Index(fields=["day"], name="wecom_sync_day_day"),
        ]
        constraints = [models.UniqueConstraint(fields=["guide", "day"], name="wecom_sync_day_once")]

    def __str__(self) -> str:
        return f"guide:{self.guide_id} {self.day}"

    @property
    def missing(self) -> int:
        """Declared contacts that no chat of that day stands behind."""
        return max(self.declared - self.chats, 0)
