"""渠道活码: codes by channel, store and guide; who scanned them, who became a friend by them."""

import secrets
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.contact_codes.querysets import ChannelCodeQuerySet, CodeAddQuerySet
from apps.core import clock, hours
from apps.core.models import LeasedModel
from apps.outreach import attachments

# WeCom tells a code's `state` with a new friend; a member's own code says `join-…`
STATE_MARK = "code-"
QUOTA_LOW = 20
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


def new_state() -> str:
    """At most 30 characters, and nobody guesses another's."""
    return f"{STATE_MARK}{secrets.token_hex(8)}"


def new_slug() -> str:
    """What stands in a poster's address: short, so that the QR code stays coarse."""
    return secrets.token_hex(5)


class ChannelCode(LeasedModel):
    """A code that leads customers to guides, and how far WeCom knows it.

    The row is its own outbox: `wanted_users` is who should receive now, `pushed_users` what WeCom
    took last, `due_at` when the two are to be brought together. Only making a code can happen
    twice: `call_started_at` is committed before that call, and if the answer is lost the code is
    `unknown` until WeCom's list of codes, searched by `state`, has settled it.
    """

    class Kind(models.TextChoices):
        GUIDE = "guide", _("one guide")
        STORE = "store", _("one store")
        CHAIN = "chain", _("several guides")
        NEAREST = "nearest", _("leads to the nearest store")

    class Medium(models.TextChoices):
        """What WeCom is to make: a code (联系我) or an acquisition link (获客链接)."""

        CODE = "code", pgettext_lazy("medium", "contact code")
        LINK = "link", pgettext_lazy("medium", "acquisition link")

    class Status(models.TextChoices):
        WANTED = "wanted", _("being made")
        MADE = "made", _("in use")
        UNKNOWN = "unknown", _("outcome unknown")
        FAILED = "failed", _("WeCom refused")
        STOPPING = "stopping", _("being stopped")
        STOPPED = "stopped", pgettext_lazy("contact code", "stopped")

    corp_id = models.CharField(_("corp id"), max_length=40)
    title = models.CharField(_("title"), max_length=30)
    channel = models.CharField(_("channel"), max_length=20)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    medium = models.CharField(
        _("medium"), max_length=4, choices=Medium.choices, default=Medium.CODE
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("store"),
    )
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("guide"),
    )
    backup = models.ForeignKey(
        "stores.Guide",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("backup guide"),
    )
    daily_limit = models.PositiveSmallIntegerField(
        _("customers per guide and day"), null=True, blank=True
    )
    state = models.CharField(_("channel state"), max_length=30, unique=True, default=new_state)
    slug = models.CharField(_("page"), max_length=16, unique=True, default=new_slug)
    tags = models.ManyToManyField(
        "tagging.Tag", blank=True, related_name="+", verbose_name=_("tags")
    )
    welcome = models.CharField(_("welcome"), max_length=1000, blank=True)
    # a card below the welcome; without an address there is none
    card_title = models.CharField(_("card's title"), max_length=64, blank=True)
    card_text = models.CharField(_("card's text"), max_length=200, blank=True)
    card_url = models.URLField(_("card's address"), max_length=500, blank=True)
    welcome_picture = models.FileField(
        _("picture beside the welcome"), upload_to=attachments.place, blank=True
    )
    poster_text = models.CharField(_("text on the poster"), max_length=60, blank=True)

    status = models.CharField(
        _("state"), max_length=8, choices=Status.choices, default=Status.WANTED
    )
    config_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=300, blank=True)
    clicks = models.PositiveIntegerField(_("opened in WeCom, 30 days"), default=0)
    wanted_users = ArrayField(models.CharField(max_length=64), default=list)
    pushed_users = ArrayField(models.CharField(max_length=64), default=list)
    pushed_at = models.DateTimeField(_("told to WeCom at"), null=True)
    nobody_since = models.DateTimeField(_("nobody on duty since"), null=True)
    call_started_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    errcode = models.IntegerField(null=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    client_id = models.UUIDField(unique=True)
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    stopped_at = models.DateTimeField(_("stopped at"), null=True)

    objects = ChannelCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("channel code")
        verbose_name_plural = _("channel codes")
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="contact_codes_due"
            ),
            models.Index(fields=["store", "channel"], name="contact_codes_store"),
            models.Index(fields=["config_id"], name="contact_codes_config"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=(Q(kind="guide", guide__isnull=False) | ~Q(kind="guide"))
                & (Q(kind="store", store__isnull=False) | ~Q(kind="store")),
                name="contact_codes_belongs_to_somebody",
            ),
            models.UniqueConstraint(
                fields=["corp_id", "store", "channel", "medium"],
                condition=Q(kind="store", stopped_at=None),
                name="contact_codes_one_per_store_and_channel",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_link(self) -> bool:
        return self.medium == self.Medium.LINK


class LinkQuota(models.Model):
    """How many customers a corp's acquisition links may still bring, as WeCom said last."""

    corp_id = models.CharField(_("corp id"), max_length=40, unique=True)
    total = models.PositiveIntegerField(pgettext_lazy("quota", "bought"))
    balance = models.PositiveIntegerField(pgettext_lazy("quota", "left"))
    next_expiry = models.DateTimeField(_("first ones lapse at"), null=True)
    read_at = models.DateTimeField(_("read at"))

    class Meta:
        verbose_name = _("quota of acquisition links")
        verbose_name_plural = _("quotas of acquisition links")

    def __str__(self) -> str:
        return f"{self.corp_id} {self.balance}/{self.total}"

    @property
    def is_low(self) -> bool:
        """WeCom's own line: below it nobody may be left by tonight."""
        return self.balance < QUOTA_LOW


class CodeShift(models.Model):
    """On these weekdays, in these hours, this guide receives customers of the code; still only if
    the roster says they are at work."""

    code = models.ForeignKey(
        ChannelCode, on_delete=models.CASCADE, related_name="shifts", verbose_name=_("code")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.CASCADE, related_name="+", verbose_name=_("guide")
    )
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(7)]),
        verbose_name=_("weekdays"),
    )
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("until"))

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ["starts", "pk"]

    def __str__(self) -> str:
        return f"guide:{self.guide_id} {self.starts:%H:%M}-{self.ends:%H:%M}"

    def is_on(self, now: datetime) -> bool:
        """Chain time; a shift over midnight belongs to the day on which it is looked at."""
        day = clock.business_day(now).isoweekday()
        return day in self.weekdays and hours.is_within(now, self.starts, self.ends)


class GuideBar(models.Model):
    """A guide whom WeCom does not take into codes (not activated, not verified …), left out of all
    codes for a while: one such person would otherwise stop the whole store's code."""

    guide = models.OneToOneField(
        "stores.Guide", on_delete=models.CASCADE, related_name="+", verbose_name=_("guide")
    )
    errcode = models.IntegerField(_("WeCom's number"))
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("guide left out of codes")
        verbose_name_plural = _("guides left out of codes")

    def __str__(self) -> str:
        return f"guide:{self.guide_id} {self.errcode}"


class CodeScan(models.Model):
    """Somebody opened a code's page. `visitor` is a keyed hash that means nothing the next day, so
    that opening the page twice counts once and nobody is recognised."""

    code = models.ForeignKey(
        ChannelCode, on_delete=models.CASCADE, related_name="+", verbose_name=_("code")
    )
    day = models.DateField(_("day"))
    visitor = models.BinaryField(max_length=12, editable=False)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("scan")
        verbose_name_plural = _("scans")
        constraints = [
            models.UniqueConstraint(fields=["code", "day", "visitor"], name="contact_codes_scan")
        ]
        indexes = [BrinIndex(fields=["day"], name="contact_codes_scan_day")]

    def __str__(self) -> str:
        return f"scan of code:{self.code_id} {self.day}"


class CodeAdd(models.Model):
    """A friendship that began by a code: once for each friendship, whoever tells of it."""

    code = models.ForeignKey(
        ChannelCode, on_delete=models.PROTECT, related_name="+", verbose_name=_("code")
    )
    follow = models.OneToOneField(
        "members.FollowRelation",
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("WeCom friendship"),
    )
    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    at = models.DateTimeField(_("at"))
    # nobody of the chain had this customer as a friend before
    is_new = models.BooleanField(_("new customer"), default=True)

    objects = CodeAddQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer by a code")
        verbose_name_plural = _("customers by codes")
        indexes = [
            models.Index(fields=["code", "at"], name="contact_codes_add_code"),
            models.Index(fields=["guide", "at"], name="contact_codes_add_guide"),
        ]

    def __str__(self) -> str:
        return f"code:{self.code_id} follow:{self.follow_id}"
