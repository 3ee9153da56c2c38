"""Who: members, the identifiers that lead to them, and every dated relation they have with the
chain."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeBoundary, RangeOperators
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.ids import uuid7
from apps.members.querysets import (
    AccessRequestQuerySet,
    ConfirmedFactQuerySet,
    ConsentQuerySet,
    EnrolDraftQuerySet,
    FollowRelationQuerySet,
    FollowUpQuerySet,
    InteractionQuerySet,
    JoinRefusalQuerySet,
    MemberIdentityQuerySet,
    MemberMergeQuerySet,
    MemberNoteQuerySet,
    MemberQuerySet,
    ServingPeriodQuerySet,
    StopMarkQuerySet,
)
from apps.stores.models import Asked


class TsTzRange(Func):
    """Half-open range of two timestamp columns; an empty end is open."""

    function = "TSTZRANGE"
    output_field = models.Field()


class Hash(Func):
    """64 bits of a text, from a seed."""

    function = "HASHTEXTEXTENDED"
    output_field = models.BigIntegerField()


class Member(models.Model):
    """The survivor view of a person. `joined_at` empty = a known contact, set = a member (会员).

    Ids come from one dense sequence (bitmaps need them below 2³²) and are drawn only for really
    new members: never insert with "on conflict" from that default. `survivor_id` points to the
    member that stands for this person after merges, path-compressed, and to itself when alone.
    """

    class Gender(models.TextChoices):
        UNKNOWN = "", pgettext_lazy("gender", "unknown")
        FEMALE = "f", _("female")
        MALE = "m", _("male")

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    survivor_id = models.BigIntegerField(_("survivor"), db_index=True)
    name = models.CharField(_("name"), max_length=60, blank=True)
    gender = models.CharField(_("gender"), max_length=1, choices=Gender.choices, blank=True)
    phone_last4 = models.CharField(_("last four"), max_length=4, blank=True)
    birth_month = models.PositiveSmallIntegerField(_("birth month"), null=True, blank=True)
    birth_day = models.PositiveSmallIntegerField(_("birth day"), null=True, blank=True)
    joined_at = models.DateTimeField(_("joined at"), null=True, blank=True)
    # who told that they joined; `source` is who knew them first, as a rule WeCom
    joined_by = models.CharField(_("joined by"), max_length=40, blank=True, db_default="")
    source = models.CharField(_("source"), max_length=40, blank=True)
    enrolling_guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("enrolling guide"),
    )
    home_store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("home store"),
    )
    level = models.CharField(_("level"), max_length=20, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        indexes = [
            models.Index(fields=["phone_last4", "id"], name="members_last4"),
            models.Index(
                fields=["joined_at"],
                condition=Q(erased_at=None, joined_at__isnull=False),
                name="members_joined_when",
            ),
            # few among many: who was erased since a moment
            models.Index(
                fields=["erased_at"],
                condition=Q(erased_at__isnull=False),
                name="members_erased_when",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(id__gte=1, id__lt=2**32), name="members_member_id_fits_bitmap"
            )
        ]

    def __str__(self) -> str:
        return f"member:{self.pk}"


class MemberIdentity(models.Model):
    """One identifier of a person: unique by (kind, scope, keyed hash), value encrypted.

    `scope` is the corp, app or channel inside which the value is unique; "" for a phone.
    """

    class Kind(models.TextChoices):
        PHONE = "phone", _("phone")
        UNIONID = "unionid", "unionid"
        EXTERNAL_USERID = "external_userid", _("WeCom external id")
        MEMBER_NO = "member_no", _("member number")
        CHANNEL_ID = "channel_id", _("channel id")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    scope = models.CharField(_("scope"), max_length=60, blank=True)
    value_key = models.BinaryField(max_length=16, editable=False)
    key_version = models.PositiveSmallIntegerField(default=1)
    value_enc = models.BinaryField(editable=False)
    last4 = models.CharField(_("last four"), max_length=4, blank=True)
    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="identities", verbose_name=_("member")
    )
    source = models.CharField(_("source"), max_length=40, blank=True)
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    first_seen_at = models.DateTimeField(_("first seen at"), db_default=Now())

    objects = MemberIdentityQuerySet.as_manager()

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "scope", "value_key"], name="members_identity_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of member:{self.member_id}"


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
            models.Index(
                fields=["guide", "member"], condition=Q(until=None), name="members_serving_now"
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
            models.Index(fields=["guide", "since"], name="members_follow_by_guide"),
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


class VisitReason(models.TextChoices):
    """Why a customer who was in the shop bought, or left without: one tap, never asked twice."""

    FOR_SELF = "for_self", _("for TA's own use")
    GIFT = "gift", _("as a gift")
    OCCASION = "occasion", _("for an occasion")
    OFFER = "offer", _("because of an offer")
    NO_SIZE = "no_size", _("size was missing")
    STYLE = "style", _("style did not fit")
    PRICE = "price", _("found it dear")
    LOOKING = "looking", _("only looked around")


class Interaction(models.Model):
    """Who talked last: one row per contact that a source proves or a guide records."""

    class Kind(models.TextChoices):
        MESSAGE = "message", _("message")
        CHAT_OPENED = "chat_opened", _("chat opened")
        VISIT = "visit", _("store visit")
        NOTE = "note", _("note")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    occurred_at = models.DateTimeField(_("occurred at"))
    source = models.CharField(_("source"), max_length=80, unique=True)
    reason = models.CharField(_("reason"), max_length=12, choices=VisitReason.choices, blank=True)

    objects = InteractionQuerySet.as_manager()

    class Meta:
        verbose_name = _("interaction")
        verbose_name_plural = _("interactions")
        indexes = [
            models.Index(fields=["member", "-occurred_at"], name="members_interaction_last"),
            models.Index(
                fields=["occurred_at"], condition=Q(kind="visit"), name="members_visit_when"
            ),
            # rows come in the order of time: what is young lies together
            BrinIndex(fields=["occurred_at"], name="members_interaction_when"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} guide:{self.guide_id} member:{self.member_id}"


class Consent(models.Model):
    """A purpose-wise permission: given when, how and to which text; withdrawn when. Never
    deleted."""

    class Purpose(models.TextChoices):
        MEMBERSHIP = "membership", _("membership service")
        SMS_MARKETING = "sms_marketing", _("SMS marketing")
        WECOM_MARKETING = "wecom_marketing", _("WeCom marketing")
        PROFILING = "profiling", _("profiling and personalisation")
        THIRD_PARTY = "third_party", _("giving data to others")
        ARCHIVE = "archive", _("conversation archive")
        BIRTHDAY = "birthday", _("birthday greetings")

    # the channels of our own pages: whoever agreed to membership there was asked all the rest too
    OWN_PAGES = ("join_page", "member_page")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose.choices)
    text_version = models.CharField(_("text version"), max_length=20)
    channel = models.CharField(_("channel"), max_length=40)
    given_at = models.DateTimeField(_("given at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_channel = models.CharField(_("withdrawn through"), max_length=40, blank=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "purpose"],
                condition=Q(withdrawn_at=None),
                name="members_consent_one_valid",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(withdrawn_at__gte=F("given_at")),
                name="members_consent_withdrawn_after_given",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of member:{self.member_id}"


class StopMark(models.Model):
    """客户要求不再联系: beats every push while it stands."""

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=80)

    objects = StopMarkQuerySet.as_manager()

    class Meta:
        verbose_name = _("stop mark")
        verbose_name_plural = _("stop marks")
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(until=None), name="members_stopmark_one_standing"
            )
        ]

    def __str__(self) -> str:
        return f"stop member:{self.member_id}"


class MemberNote(models.Model):
    """What a guide learned, in their own words. Sensitive by default: encrypted, never a
    condition."""

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    body_enc = models.BinaryField(editable=False)
    client_id = models.UUIDField(_("client id"), unique=True)
    created_at = models.DateTimeField(_("created at"))
    # taken back by who wrote it: the row stays, its words are gone
    withdrawn_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    objects = MemberNoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        indexes = [models.Index(fields=["member", "-created_at"], name="members_note_latest")]

    def __str__(self) -> str:
        return f"note {self.pk} on member:{self.member_id}"


class FollowUp(models.Model):
    """The day on which a guide wants to turn to a member again. One stands per guide and member."""

    class Closed(models.TextChoices):
        CONTACTED = "contacted", _("turned to TA")
        BY_HAND = "by_hand", _("ticked off")
        REPLACED = "replaced", _("another day was set")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    due_on = models.DateField(_("due on"))
    client_id = models.UUIDField(_("client id"), unique=True)
    created_at = models.DateTimeField(_("created at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed = models.CharField(_("closed by"), max_length=10, choices=Closed.choices, blank=True)

    objects = FollowUpQuerySet.as_manager()

    class Meta:
        verbose_name = _("follow-up date")
        verbose_name_plural = _("follow-up dates")
        indexes = [
            models.Index(
                fields=["guide", "due_on"],
                condition=Q(closed_at=None),
                name="members_followup_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "guide"],
                condition=Q(closed_at=None),
                name="members_followup_one_standing",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed="")
                | (Q(closed_at__isnull=False) & ~Q(closed="")),
                name="members_followup_close_has_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"follow_up:{self.pk} of guide:{self.guide_id} on member:{self.member_id}"


class AccessRequest(Asked):
    """申请查看: somebody outside the scope asks for a member's card, or a manager for the number of
    a customer of the store; granted for hours, not for ever, and the number for one look."""

    class What(models.TextChoices):
        CARD = "card", _("customer card")
        PHONE = "phone", _("phone number")

    class Reason(models.TextChoices):
        IN_SHOP = "in_shop", _("TA is in the shop now")
        CALLED = "called", _("TA called or wrote")
        AFTER_SALES = "after_sales", _("after-sales question")
        COVER = "cover", _("I stand in for a colleague")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for approval")
        GRANTED = "granted", _("granted")
        REFUSED = "refused", _("refused")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    what = models.CharField(
        pgettext_lazy("access", "what"), max_length=5, choices=What.choices, default=What.CARD
    )
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    used_at = models.DateTimeField(_("number seen at"), null=True, blank=True)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("access request")
        verbose_name_plural = _("access requests")
        indexes = [
            models.Index(
                fields=["guide", "member", "expires_at"],
                condition=Q(state="granted"),
                name="members_access_granted",
            ),
            models.Index(
                fields=["store", "asked_at"],
                condition=Q(state="waiting"),
                name="members_access_waiting",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["guide", "member", "what"],
                condition=Q(state="waiting"),
                name="members_access_one_waiting",
            ),
            models.CheckConstraint(
                condition=Q(state="granted", expires_at__isnull=False)
                | (~Q(state="granted") & Q(expires_at=None)),
                name="members_access_grant_ends",
            ),
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(what="phone", state="granted"),
                name="members_access_number_was_granted",
            ),
        ]

    def __str__(self) -> str:
        return f"access_request:{self.pk} of guide:{self.guide_id}"


class JoinReason(models.TextChoices):
    """Why a customer who was asked did not join: one tap."""

    LATER = "later", _("wants to think about it")
    HURRY = "hurry", _("has no time just now")
    NUMBER = "number", _("will not give the number")
    MESSAGES = "messages", _("fears too many messages")
    NO_USE = "no_use", _("sees no use in it")
    FAMILY = "family", _("the family has a card")


class JoinRefusal(models.Model):
    """未入会原因: what a known contact answered when a guide asked them to join. The last answer
    of a person counts; words beside it are a note, where all words of guides are. `store` is where
    the guide worked that day; empty for who worked nowhere."""

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("store"),
        db_index=False,
    )
    reason = models.CharField(_("reason"), max_length=12, choices=JoinReason.choices)
    client_id = models.UUIDField(_("client id"), unique=True)
    at = models.DateTimeField(_("at"))

    objects = JoinRefusalQuerySet.as_manager()

    class Meta:
        verbose_name = _("reason for not joining")
        verbose_name_plural = _("reasons for not joining")
        indexes = [
            models.Index(fields=["member", "-at"], name="members_refusal_last"),
            models.Index(fields=["at"], name="members_refusal_when"),
        ]

    def __str__(self) -> str:
        return f"join_refusal:{self.pk} of member:{self.member_id}"


class EnrolDraft(models.Model):
    """待邀请: somebody wants to join and cannot right now. How the guide calls them and what they
    looked at, sealed; never a number: its owner types that, on the page that asks for consent.

    Closing takes the words away: a joined one's have become a note. All rows go after a month.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("to be invited")
        JOINED = "joined", _("joined")
        DROPPED = "dropped", _("dropped")

    class DropReason(models.TextChoices):
        NOT_WANTED = "not_wanted", _("TA does not want to any more")
        ALREADY_IN = "already_in", _("TA joined another way")
        MISTAKE = "mistake", _("written by mistake")

    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        "stores.Store", on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    member = models.ForeignKey(
        Member,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("member"),
    )
    client_id = models.UUIDField(_("client id"), unique=True)
    code = models.CharField(_("public code"), max_length=32, unique=True)
    called_enc = models.BinaryField(editable=False)
    words_enc = models.BinaryField(editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=12, choices=DropReason.choices, blank=True)
    made_at = models.DateTimeField(_("made at"), db_index=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    objects = EnrolDraftQuerySet.as_manager()

    class Meta:
        verbose_name = _("enrolment draft")
        verbose_name_plural = _("enrolment drafts")
        indexes = [
            models.Index(
                fields=["guide", "made_at"], condition=Q(state="waiting"), name="members_draft_own"
            ),
            models.Index(
                fields=["store"], condition=Q(state="waiting"), name="members_draft_store"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", closed_at=None, member=None)
                | Q(state="joined", closed_at__isnull=False, member__isnull=False)
                | Q(state="dropped", closed_at__isnull=False, member=None),
                name="members_draft_closed_by_something",
            )
        ]

    def __str__(self) -> str:
        return f"enrol_draft:{self.pk} of guide:{self.guide_id}"


class LookUp(models.Model):
    """One search beyond names: who looked, by what kind of value, how many were found. Never the
    value."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("phone")
        LAST_FOUR = "last_four", _("last four")
        CODE = "code", _("member code or receipt")

    actor = models.CharField(_("who"), max_length=40)
    kind = models.CharField(_("by"), max_length=10, choices=Kind.choices)
    at = models.DateTimeField(_("at"))
    own = models.PositiveSmallIntegerField(_("found in own scope"), default=0)
    others = models.PositiveSmallIntegerField(_("found elsewhere"), default=0)

    class Meta:
        verbose_name = _("look-up")
        verbose_name_plural = _("look-ups")
        indexes = [models.Index(fields=["actor", "-at"], name="members_lookup_actor")]

    def __str__(self) -> str:
        return f"look_up:{self.pk} by {self.actor}"


class LookUpAlert(models.Model):
    """Somebody looked up more people than their work explains: head office asks why. Also its own
    people: they have no guide."""

    actor = models.CharField(_("who"), max_length=40)
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        verbose_name=_("guide"),
    )
    day = models.DateField(_("day"))
    raised_at = models.DateTimeField(_("raised at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    settled_by = models.CharField(_("settled by"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("look-up alert")
        verbose_name_plural = _("look-up alerts")
        constraints = [
            models.UniqueConstraint(fields=["actor", "day"], name="members_lookup_alert_once_a_day")
        ]

    def __str__(self) -> str:
        return f"look_up_alert:{self.pk} on {self.actor}"


class ConfirmedFact(models.Model):
    """A word of a guide's note that the guide confirmed as a fact. Words come from a fixed list,
    never from free text; like notes they are no condition of a segment."""

    class Kind(models.TextChoices):
        SIZE = "size", _("size")
        COLOUR = "colour", _("colour")
        FAMILY = "family", _("family")
        OCCASION = "occasion", _("occasion")

    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    word = models.CharField(_("word"), max_length=12)
    guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", verbose_name=_("guide")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"))

    objects = ConfirmedFactQuerySet.as_manager()

    class Meta:
        verbose_name = _("confirmed fact")
        verbose_name_plural = _("confirmed facts")
        constraints = [
            models.UniqueConstraint(fields=["member", "kind", "word"], name="members_fact_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of member:{self.member_id}"


class MemberMerge(models.Model):
    """One merge edge. Taking it away and restoring the before-image is the unmerge."""

    survivor = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("survivor")
    )
    absorbed = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="+", verbose_name=_("absorbed")
    )
    evidence = models.JSONField(_("evidence"), default=dict)
    before_image_enc = models.BinaryField(null=True, editable=False)
    merged_at = models.DateTimeField(_("merged at"))
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)
    actor = models.CharField(_("actor"), max_length=40)

    objects = MemberMergeQuerySet.as_manager()

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"], condition=Q(undone_at=None), name="members_merge_one_edge"
            )
        ]

    def __str__(self) -> str:
        return f"member:{self.absorbed_id} into member:{self.survivor_id}"
