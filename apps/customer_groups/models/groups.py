"""Customer groups as WeCom shows them, and every stay in them."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.customer_groups.querysets import CustomerGroupQuerySet, GroupMembershipQuerySet


class CustomerGroup(models.Model):
    """A group of customers and staff in WeCom (客户群). Its store is where its owner works.

    `read_at` is when WeCom was asked for what stands here: an older answer changes nothing.
    """

    class Standing(models.IntegerChoices):
        IN_ORDER = 0, _("in order")
        OWNER_LEFT = 1, _("its owner has left")
        HANDING_ON = 2, _("being handed on")
        HANDED_ON = 3, _("handed on")

    corp_id = models.CharField(_("corp id"), max_length=40)
    chat_id = models.CharField(_("WeCom chat id"), max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)
    owner_userid = models.CharField(_("owner's WeCom id"), max_length=64)
    owner = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("owner"),
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("store"),
    )
    standing = models.PositiveSmallIntegerField(
        _("standing"), choices=Standing.choices, default=Standing.IN_ORDER
    )
    people = models.PositiveIntegerField(pgettext_lazy("customer group", "people"), default=0)
    customers = models.PositiveIntegerField(_("customers"), default=0)
    member_version = models.CharField(max_length=80, blank=True)
    opened_at = models.DateTimeField(_("opened"))
    dismissed_at = models.DateTimeField(_("dissolved"), null=True)
    read_at = models.DateTimeField(_("read from WeCom"), null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = CustomerGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer group")
        verbose_name_plural = _("customer groups")
        ordering = ["-opened_at", "-pk"]
        indexes = [
            models.Index(
                fields=["owner"], condition=Q(dismissed_at=None), name="groups_group_owner"
            ),
            models.Index(
                fields=["store"], condition=Q(dismissed_at=None), name="groups_group_store"
            ),
            models.Index(fields=["-opened_at", "-id"], name="groups_group_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["corp_id", "chat_id"], name="groups_group_once")
        ]

    def __str__(self) -> str:
        return f"customer_group:{self.pk}"

    @property
    def is_living(self) -> bool:
        return self.dismissed_at is None


class GroupMembership(models.Model):
    """One stay of one person in a group, from joining to leaving.

    A stay whose end was told by an event knows how it ended; one that only was not listed any more
    does not (`quit_scene` empty). A stay of which only the end was told begins with its end until
    the beginning is told.
    """

    class JoinScene(models.IntegerChoices):
        UNKNOWN = 0, _("not told")
        INVITED = 1, _("invited")
        BY_LINK = 2, _("by a link")
        BY_CODE = 3, _("by a code")

    class QuitScene(models.IntegerChoices):
        WENT = 0, pgettext_lazy("customer group", "left by TA")
        REMOVED = 1, pgettext_lazy("customer group", "removed by staff")

    group = models.ForeignKey(
        CustomerGroup,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("group"),
        db_index=False,
    )
    wecom_id = models.CharField(_("WeCom id"), max_length=64)
    is_customer = models.BooleanField(_("customer"))
    member = models.ForeignKey(
        "members.Member",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("member"),
    )
    joined_at = models.DateTimeField(pgettext_lazy("customer group", "joined"))
    join_scene = models.PositiveSmallIntegerField(
        _("how TA joined"), choices=JoinScene.choices, default=JoinScene.UNKNOWN
    )
    state = models.CharField(_("code"), max_length=30, blank=True)
    left_at = models.DateTimeField(pgettext_lazy("customer group", "left"), null=True)
    quit_scene = models.PositiveSmallIntegerField(
        _("how TA left"), choices=QuitScene.choices, null=True
    )

    objects = GroupMembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("stay in a group")
        verbose_name_plural = _("stays in groups")
        indexes = [
            models.Index(fields=["group", "wecom_id", "joined_at"], name="groups_stay_person"),
            models.Index(
                fields=["group", "joined_at"],
                condition=Q(is_customer=True),
                name="groups_stay_joined",
            ),
            models.Index(
                fields=["group", "left_at"],
                condition=Q(is_customer=True, left_at__isnull=False),
                name="groups_stay_left",
            ),
            models.Index(fields=["state"], condition=~Q(state=""), name="groups_stay_code"),
            models.Index(
                fields=["wecom_id"], condition=Q(is_customer=True), name="groups_stay_who"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["group", "wecom_id"], condition=Q(left_at=None), name="groups_stay_once"
            ),
            models.CheckConstraint(
                condition=Q(left_at=None, quit_scene=None) | Q(left_at__gte=F("joined_at")),
                name="groups_stay_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"group_stay:{self.pk}"
