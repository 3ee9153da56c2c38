"""Who: members, the identifiers that lead to them, and merges."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.ids import uuid7
from apps.members.querysets import MemberIdentityQuerySet, MemberMergeQuerySet, MemberQuerySet


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
