"""Which guide serves whom, and whose WeCom friend a member is."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeBoundary, RangeOperators
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Func, Q, Value
from django.utils.translation import gettext_lazy as _

from apps.members.models.identities import Member
from apps.members.querysets import FollowRelationQuerySet, ServingPeriodQuerySet


class TsTzRange(Func):
    """Half-open range of two timestamp columns; an empty end is open."""

    function = "TSTZRANGE"
    output_field = models.Field()


class Hash(Func):
    """64 bits of a text, from a seed."""

    function = "HASHTEXTEXTENDED"
    output_field = models.BigIntegerField()


class ServingPeriod(models.Model):
    """专属导购: this guide served this member from this store between these moments (half-open)."""

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=40, blank=True)

    objects = ServingPeriodQuerySet.as_manager()

    class Meta:
        verbose_name = _("serving period")
        verbose_name_plural = _("serving periods")
        indexes = [
            # with the store, so that a guide's customers are read from the index alone
            models.Index(
                fields=["guide", "member"],
                include=["store"],
                condition=Q(until=None),
                name="members_serving_now",
            ),
            models.Index(
                fields=["store", "member"], condition=Q(until=None), name="members_serving_store"
            ),
        ]
        constraints = [
            ExclusionConstraint(
                name="members_one_serving_guide",
                expressions=[
                    ("member", RangeOperators.EQUAL),
                    (TsTzRange("since", "until", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            )
        ]

    def __str__(self) -> str:
        return f"member:{self.member_id} served by guide:{self.guide_id}"


class AddWay(models.IntegerChoices):
    """How WeCom says that a friendship began. It goes on inventing numbers: any other is stored as
    it came, and 0 is its own word for "unknown"."""

    UNKNOWN = 0, _("became friends")
    CODE = 1, _("scanned the code")
    PHONE = 2, _("found by number")
    CARD = 3, _("by a name card")
    GROUP = 4, _("from a group chat")
    PHONE_BOOK = 5, _("from the phone book")
    WECHAT = 6, _("WeChat contact")
    REQUEST = 7, _("asked in WeChat")
    SERVICE = 8, _("customer service of an app")
    MAIL = 9, _("found by mail address")
    CHANNEL = 10, _("from a video channel")
    SCHEDULE = 11, _("from a schedule")
    MEETING = 12, _("from a meeting")
    WECOM_OF_FRIEND = 13, _("WeCom of a WeChat friend")
    HARDWARE = 14, _("customer service of a device")
    HOME_SERVICE = 15, _("service at home")
    LINK = 16, _("by an acquisition link")
    CUSTOM = 17, _("by custom development")
    DEMAND = 18, _("by the answer to a demand")
    SHARED = 201, _("shared by a colleague")
    ASSIGNED = 202, _("assigned by head office")

    @classmethod
    def words(cls, number: int) -> str:
        """What a page says of the number WeCom gave."""
        return str(cls(number if number in cls.values else cls.UNKNOWN).label)


class FollowRelation(models.Model):
    """A WeCom friendship: which guide, which external contact, since when, until when, ended by
    whom."""

    class EndedBy(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        GUIDE = "guide", _("guide")
        TRANSFER = "transfer", _("transfer")
        RECONCILED = "reconciled", _("found ended by reconciliation")

    corp_id = models.CharField(_("corp id"), max_length=40)
    external_userid = models.CharField(_("external id"), max_length=64)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    ended_by = models.CharField(_("ended by"), max_length=12, choices=EndedBy.choices, blank=True)
    state = models.CharField(_("channel state"), max_length=64, blank=True)
    add_way = models.IntegerField(_("add way"), default=0)

    objects = FollowRelationQuerySet.as_manager()

    class Meta:
        verbose_name = _("WeCom friendship")
        verbose_name_plural = _("WeCom friendships")
        indexes = [
            models.Index(
                fields=["member", "guide"], condition=Q(until=None), name="members_follow_now"
            ),
            # here too: whom a guide follows, and whether still, is read from the index alone
            models.Index(
                fields=["guide", "since"],
                include=["member", "until"],
                name="members_follow_by_guide",
            ),
            models.Index(fields=["corp_id", "external_userid"], name="members_follow_external"),
            BrinIndex(fields=["since"], name="members_follow_since"),
            models.Index(
                fields=["until"], condition=Q(until__isnull=False), name="members_follow_ended"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(until=None, ended_by="") | (Q(until__isnull=False) & ~Q(ended_by="")),
                name="members_follow_end_has_cause",
            ),
            ExclusionConstraint(
                name="members_one_friendship_at_a_time",
                expressions=[
                    ("guide", RangeOperators.EQUAL),
                    # by its hash of 64 bits: the text itself makes every insert three times dearer
                    (Hash("external_userid", Value(0)), RangeOperators.EQUAL),
                    (TsTzRange("since", "until", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"guide:{self.guide_id} follows member:{self.member_id}"
