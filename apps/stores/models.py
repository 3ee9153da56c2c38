"""Where: regions, stores, the guides who work there and since when."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core import clock
from apps.stores.querysets import (
    CoverQuerySet,
    DayOffQuerySet,
    GuideQuerySet,
    PostingQuerySet,
    StoreDayQuerySet,
    StoreQuerySet,
    StoreVisitQuerySet,
    VisitItemQuerySet,
)


def live_from_start() -> datetime | None:
    """Whether a new store takes part at once; where a pilot runs, head office switches it on."""
    return clock.now() if settings.NEW_STORES_LIVE else None


class Region(models.Model):
    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=40)

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class LegalEntity(models.Model):
    """Who answers for a store in law; a franchise owner needs its own basis to see personal
    data."""

    class Basis(models.TextChoices):
        SAME_HANDLER = "same_handler", _("same company")
        PROCESSOR = "processor", _("processor by contract")
        SEPARATE_CONSENT = "separate_consent", _("separate consent of the member")
        NONE = "none", _("no basis recorded")

    name = models.CharField(_("name"), max_length=120, unique=True)
    basis = models.CharField(_("basis"), max_length=20, choices=Basis.choices, default=Basis.NONE)

    class Meta:
        verbose_name = _("legal entity")
        verbose_name_plural = _("legal entities")

    def __str__(self) -> str:
        return self.name


class Store(models.Model):
    class Ownership(models.TextChoices):
        DIRECT = "direct", _("direct")
        FRANCHISE = "franchise", _("franchise")

    class StoreClass(models.TextChoices):
        A = "a", "A"
        B = "b", "B"
        C = "c", "C"

    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=80)
    city = models.CharField(_("city"), max_length=40, blank=True)
    region = models.ForeignKey(
        Region, on_delete=models.PROTECT, related_name="+", verbose_name=_("region")
    )
    ownership = models.CharField(
        _("ownership"), max_length=12, choices=Ownership.choices, default=Ownership.DIRECT
    )
    legal_entity = models.ForeignKey(
        LegalEntity, on_delete=models.PROTECT, related_name="+", verbose_name=_("legal entity")
    )
    store_class = models.CharField(
        _("class"), max_length=2, choices=StoreClass.choices, default=StoreClass.B
    )
    opened_on = models.DateField(_("opened on"))
    closed_on = models.DateField(_("closed on"), null=True, blank=True)
    # department numbers are a corp's own; empty = the chain's only corp
    corp_id = models.CharField(_("corp id"), max_length=40, blank=True, default="")
    wecom_department_id = models.BigIntegerField(_("WeCom department"), null=True, blank=True)
    # as maps in China show it (GCJ-02); a customer's phone finds the nearest store by it
    latitude = models.FloatField(
        _("latitude"),
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )
    longitude = models.FloatField(
        _("longitude"),
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )
    live_since = models.DateTimeField(
        _("live since"), null=True, blank=True, default=live_from_start
    )

    objects = StoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_on=None) | Q(closed_on__gte=models.F("opened_on")),
                name="stores_store_closes_after_opening",
            )
        ]
        # most chains have none, and that is asked before every count
        indexes = [
            models.Index(fields=["id"], condition=Q(live_since=None), name="stores_store_not_live")
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A department without a corp is the only corp's; where guides are of several, it is asked
        for."""
        super().clean()
        if self.wecom_department_id is None or self.corp_id:
            return
        known = list(Guide.objects.order_by().values_list("corp_id", flat=True).distinct()[:2])
        if len(known) > 1:
            raise ValidationError({"corp_id": _("Say which corp: there is not exactly one.")})
        self.corp_id = known[0] if known else ""


class Guide(models.Model):
    """A person of a store who serves members. A store manager is a guide whose posting says so."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        LEFT = "left", _("left")

    user = models.OneToOneField(
        "accounts.User",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("user"),
    )
    corp_id = models.CharField(_("corp id"), max_length=40)
    wecom_userid = models.CharField(_("WeCom user id"), max_length=64)
    name = models.CharField(_("name"), max_length=40)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.ACTIVE
    )
    left_at = models.DateTimeField(_("left at"), null=True, blank=True)
    # leaving ended the sign-in, so coming back opens it; what head office had closed stays closed
    closed_by_leaving = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = GuideQuerySet.as_manager()

    class Meta:
        verbose_name = _("guide")
        verbose_name_plural = _("guides")
        ordering = ["wecom_userid"]
        constraints = [
            models.UniqueConstraint(
                fields=["corp_id", "wecom_userid"], name="stores_guide_once_per_corp"
            ),
            models.CheckConstraint(
                condition=Q(status="left", left_at__isnull=False)
                | Q(status="active", left_at__isnull=True),
                name="stores_guide_left_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Posting(models.Model):
    """A guide worked in this store, in this role, through these days (half-open)."""

    class PostingRole(models.TextChoices):
        GUIDE = "guide", _("guide")
        STORE_MANAGER = "store_manager", _("store manager")

    guide = models.ForeignKey(
        Guide, on_delete=models.CASCADE, related_name="postings", verbose_name=_("guide")
    )
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    role = models.CharField(
        _("role"), max_length=16, choices=PostingRole.choices, default=PostingRole.GUIDE
    )
    during = DateRangeField(_("during"))

    objects = PostingQuerySet.as_manager()

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        constraints = [
            # One place at a time: results, rights and sums need a single answer to "whose store?".
            ExclusionConstraint(
                name="stores_posting_one_at_a_time",
                expressions=[
                    ("guide", RangeOperators.EQUAL),
                    ("during", RangeOperators.OVERLAPS),
                ],
            )
        ]

    def __str__(self) -> str:
        return f"{self.guide_id}@{self.store_id}"


class DayOff(models.Model):
    """A guide is not at work on this day. Who has no row works: only exceptions are marked."""

    guide = models.ForeignKey(
        Guide, on_delete=models.CASCADE, related_name="+", verbose_name=_("guide")
    )
    day = models.DateField(_("day"))
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = DayOffQuerySet.as_manager()

    class Meta:
        verbose_name = _("day off")
        verbose_name_plural = _("days off")
        indexes = [models.Index(fields=["day"], name="stores_dayoff_day")]
        constraints = [models.UniqueConstraint(fields=["guide", "day"], name="stores_dayoff_once")]

    def __str__(self) -> str:
        return f"guide:{self.guide_id} off {self.day}"


class Cover(models.Model):
    """代班: while one guide is away, another works with their customers, who stay theirs."""

    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    absent = models.ForeignKey(
        Guide, on_delete=models.CASCADE, related_name="+", verbose_name=_("absent")
    )
    covering = models.ForeignKey(
        Guide, on_delete=models.CASCADE, related_name="+", verbose_name=_("covering")
    )
    during = DateRangeField(_("during"))
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = CoverQuerySet.as_manager()

    class Meta:
        verbose_name = _("cover")
        verbose_name_plural = _("covers")
        constraints = [
            models.CheckConstraint(
                condition=~Q(absent=models.F("covering")), name="stores_cover_by_somebody_else"
            ),
            models.CheckConstraint(
                condition=Q(
                    during__isempty=False, during__upper_inf=False, during__lower_inf=False
                ),
                name="stores_cover_has_an_end",
            ),
            ExclusionConstraint(
                name="stores_cover_one_at_a_time",
                expressions=[
                    ("absent", RangeOperators.EQUAL),
                    ("during", RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"guide:{self.covering_id} for guide:{self.absent_id}"


class StoreDay(models.Model):
    """The store's calendar: a day on which it is closed. Days without a row are open."""

    store = models.ForeignKey(
        Store, on_delete=models.CASCADE, related_name="+", verbose_name=_("store")
    )
    day = models.DateField(_("day"))
    created_by = models.CharField(_("created by"), max_length=40, default="system")
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = StoreDayQuerySet.as_manager()

    class Meta:
        verbose_name = _("closed day")
        verbose_name_plural = _("closed days")
        indexes = [models.Index(fields=["day"], name="stores_storeday_day")]
        constraints = [
            models.UniqueConstraint(fields=["store", "day"], name="stores_storeday_once")
        ]

    def __str__(self) -> str:
        return f"store:{self.store_id} closed {self.day}"


class StoreVisit(models.Model):
    """巡店: what somebody saw who came to look at a store. `written_by` is the name of that day."""

    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store"), db_index=False
    )
    note = models.CharField(_("what was seen"), max_length=500)
    written_by = models.CharField(_("noted by"), max_length=40)
    created_by = models.CharField(_("created by"), max_length=40)
    created_at = models.DateTimeField(_("created at"))
    # the form that made it: sent twice, it is one visit
    client_id = models.UUIDField(unique=True, editable=False)

    objects = StoreVisitQuerySet.as_manager()

    class Meta:
        verbose_name = _("inspection of a store")
        verbose_name_plural = _("inspections of stores")
        indexes = [models.Index(fields=["store", "-created_at"], name="stores_visit_store")]

    def __str__(self) -> str:
        return f"store_visit:{self.pk}"


class VisitItem(models.Model):
    """Something to put right after a visit: who, until which day, and the word that closed it."""

    visit = models.ForeignKey(
        StoreVisit, on_delete=models.CASCADE, related_name="items", verbose_name=_("visit")
    )
    # copied from the visit: the list of a store's open items needs no other table
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store"), db_index=False
    )
    words = models.CharField(_("what is to be done"), max_length=120)
    guide = models.ForeignKey(
        Guide, on_delete=models.PROTECT, related_name="+", null=True, verbose_name=_("who")
    )
    due_on = models.DateField(_("to be done by"))
    closed_at = models.DateTimeField(_("closed at"), null=True)
    closed_by = models.CharField(_("closed by whom"), max_length=40, blank=True)
    closing_word = models.CharField(_("closing word"), max_length=200, blank=True)

    objects = VisitItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("follow-up item of a visit")
        verbose_name_plural = _("follow-up items of visits")
        indexes = [
            models.Index(
                fields=["store", "due_on"],
                condition=Q(closed_at=None),
                name="stores_visititem_open",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at=None, closing_word="", closed_by="")
                | (Q(closed_at__isnull=False) & ~Q(closing_word="") & ~Q(closed_by="")),
                name="stores_visititem_closed_with_a_word",
            )
        ]

    def __str__(self) -> str:
        return f"visit_item:{self.pk}"


class ScopeGrant(models.Model):
    """A region or store that a person or an API key may see, beyond what a posting gives.

    Places are protected: a grant does not vanish unseen with its store.
    """

    user = models.ForeignKey(
        "accounts.User",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("user"),
    )
    api_key = models.ForeignKey(
        "accounts.ApiKey",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("API key"),
    )
    region = models.ForeignKey(
        Region,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("region"),
    )
    store = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("store"),
    )

    class Meta:
        verbose_name = _("scope grant")
        verbose_name_plural = _("scope grants")
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, api_key__isnull=False) | Q(user__isnull=False, api_key=None),
                name="stores_scopegrant_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(region=None, store__isnull=False) | Q(region__isnull=False, store=None),
                name="stores_scopegrant_one_place",
            ),
        ]

    def __str__(self) -> str:
        return f"grant {self.pk}"


class AskLevel(models.TextChoices):
    """Who decides what a store asks for."""

    STORE = "store", pgettext_lazy("claim", "store manager")
    REGION = "region", pgettext_lazy("claim", "regional manager")
    HQ = "hq", pgettext_lazy("claim", "head office")


class Asked(models.Model):
    """What somebody of a store asks and somebody above decides: once, with a time and a name. The
    model adds its `state`, "waiting" until it has an end, and `AskedQuerySet`."""

    guide = models.ForeignKey(
        Guide, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    # what waits has an index of each kind's own
    store = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    # the tap that made it: sent twice, it is one
    client_id = models.UUIDField(unique=True, editable=False)
    asked_at = models.DateTimeField(_("asked at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=40, blank=True)

    class Meta:
        abstract = True

    def end(self, state: str, *, by: str, at: datetime, **more: Any) -> None:
        """Its one end, with what else stands from then on."""
        values = {"state": state, "decided_by": by, "decided_at": at, **more}
        for name, value in values.items():
            setattr(self, name, value)
        self.save(update_fields=list(values))
