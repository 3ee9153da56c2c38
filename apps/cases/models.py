"""客诉 (service cases): what a customer complains about, who has it in hand, what came of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.cases import photos
from apps.cases.querysets import UNDECIDED, OfCaseQuerySet, ServiceCaseQuerySet


class Kind(models.TextChoices):
    QUALITY = "quality", pgettext_lazy("complaint", "Quality")
    SIZE = "size", pgettext_lazy("complaint", "Size")
    DELIVERY = "delivery", pgettext_lazy("complaint", "Delivery")
    ATTITUDE = "attitude", pgettext_lazy("complaint", "How TA was served")
    OTHER = "other", pgettext_lazy("complaint", "Something else")


class State(models.TextChoices):
    OPEN = "open", pgettext_lazy("complaint", "Waiting")
    IN_HAND = "in_hand", pgettext_lazy("complaint", "In hand")
    CLOSED = "closed", pgettext_lazy("complaint", "Closed")
    REOPENED = "reopened", pgettext_lazy("complaint", "Opened again")


# where each state leads; the only moves there are
NEXT: dict[str, tuple[str, ...]] = {
    State.OPEN: (State.IN_HAND, State.CLOSED),
    State.REOPENED: (State.IN_HAND, State.CLOSED),
    State.IN_HAND: (State.OPEN, State.CLOSED),
    State.CLOSED: (State.REOPENED,),
}


class Holder(models.TextChoices):
    """Whose it is to close: the store's managers, whoever they are by then, or head office."""

    STORE = "store", pgettext_lazy("complaint", "The store's manager")
    HQ = "hq", pgettext_lazy("complaint", "Head office")


class Result(models.TextChoices):
    RETURNED = "returned", pgettext_lazy("complaint", "Goods taken back")
    EXCHANGED = "exchanged", pgettext_lazy("complaint", "Goods exchanged")
    REPAIRED = "repaired", pgettext_lazy("complaint", "Repaired")
    MADE_GOOD = "made_good", pgettext_lazy("complaint", "Made good in another way")
    EXPLAINED = "explained", pgettext_lazy("complaint", "Explained, apologised")
    UNFOUNDED = "unfounded", pgettext_lazy("complaint", "Nothing to it")
    ERASED = "erased", pgettext_lazy("complaint", "TA had the data deleted")


class ServiceCase(models.Model):
    """One complaint of one customer. `guide` is who served TA when it came."""

    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    store = models.ForeignKey(
        "stores.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    guide = models.ForeignKey(
        "stores.Guide",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("guide"),
    )
    order = models.ForeignKey(
        "orders.Order",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("order"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    words_enc = models.BinaryField(_("what TA says"), default=bytes)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    holder = models.CharField(
        _("in whose hand"), max_length=6, choices=Holder.choices, default=Holder.STORE
    )
    due_at = models.DateTimeField(_("to be closed by"))
    # the manager was told that its time is over; a new time is told anew
    late_told_at = models.DateTimeField(null=True, editable=False)
    result = models.CharField(_("result"), max_length=10, choices=Result.choices, blank=True)
    opened_by = models.CharField(_("opened by"), max_length=40)
    opened_at = models.DateTimeField(pgettext_lazy("complaint", "opened at"))
    closed_by = models.CharField(pgettext_lazy("complaint", "closed by"), max_length=40, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    # the form that made it: sent twice, it is one case
    client_id = models.UUIDField(unique=True, null=True, editable=False)
    # the system that sent it and its own number there: sent twice, it is one case
    source = models.CharField(_("source"), max_length=40, blank=True)
    external_no = models.CharField(_("number at the source"), max_length=64, blank=True)

    objects = ServiceCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("complaint")
        verbose_name_plural = _("complaints")
        indexes = [
            # asked of every member that a rule finds
            models.Index(
                fields=["member"], condition=Q(state__in=UNDECIDED), name="cases_undecided_member"
            ),
            models.Index(
                fields=["due_at"], condition=Q(state__in=UNDECIDED), name="cases_undecided_due"
            ),
            models.Index(fields=["store", "-opened_at"], name="cases_store"),
            models.Index(fields=["-opened_at", "-id"], name="cases_latest"),
            models.Index(fields=["closed_at"], name="cases_closed"),
            models.Index(fields=["opened_by"], name="cases_opened_by"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_no"],
                condition=~Q(external_no=""),
                name="cases_once_for_its_source",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                & ~Q(result="")
                & ~Q(closed_by="")
                | ~Q(state="closed") & Q(closed_at=None, result="", closed_by=""),
                name="cases_closed_with_a_result",
            ),
        ]

    def __str__(self) -> str:
        return f"service_case:{self.pk}"

    @property
    def label(self) -> str:
        """What other rooms and the record call it."""
        return f"service_case:{self.pk}"

    @property
    def is_closed(self) -> bool:
        return self.state == State.CLOSED


class CaseStep(models.Model):
    """One step of a case: who did what, with their words. Nothing of it is ever changed."""

    case = models.ForeignKey(
        ServiceCase, on_delete=models.CASCADE, related_name="steps", verbose_name=_("complaint")
    )
    from_state = models.CharField(max_length=10, choices=State.choices, blank=True)
    to_state = models.CharField(_("state"), max_length=10, choices=State.choices)
    holder = models.CharField(_("in whose hand"), max_length=6, choices=Holder.choices)
    result = models.CharField(_("result"), max_length=10, choices=Result.choices, blank=True)
    words_enc = models.BinaryField(_("words"), default=bytes)
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("actor"), max_length=40)

    objects = OfCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("step of a complaint")
        verbose_name_plural = _("steps of complaints")

    def __str__(self) -> str:
        return f"service_case:{self.case_id} {self.from_state}→{self.to_state}"


class CasePhoto(models.Model):
    """What TA complains about, as a picture. The same picture is there once, however often a phone
    sends it."""

    case = models.ForeignKey(
        ServiceCase,
        on_delete=models.CASCADE,
        related_name="photos",
        verbose_name=_("complaint"),
        db_index=False,
    )
    photo = models.FileField(_("photo"), upload_to=photos.place)
    digest = models.CharField(max_length=64, editable=False)
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("actor"), max_length=40)

    objects = OfCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("photo of a complaint")
        verbose_name_plural = _("photos of complaints")
        constraints = [
            models.UniqueConstraint(fields=["case", "digest"], name="cases_photo_once"),
        ]

    def __str__(self) -> str:
        return f"service_case:{self.case_id} photo:{self.pk}"
