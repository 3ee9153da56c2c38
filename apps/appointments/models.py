"""预约: a customer comes to a store at a time that a guide wrote down, and what became of it."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.appointments.querysets import AppointmentQuerySet


class Kind(models.TextChoices):
    FITTING = "fitting", pgettext_lazy("appointment", "Fitting in the store")
    ALTERATION = "alteration", pgettext_lazy("appointment", "Alteration")
    EVENT = "event", pgettext_lazy("appointment", "Event")
    OTHER = "other", pgettext_lazy("appointment", "Other")


class State(models.TextChoices):
    BOOKED = "booked", pgettext_lazy("appointment", "Booked")
    KEPT = "kept", pgettext_lazy("appointment", "Came")
    NOT_KEPT = "not_kept", pgettext_lazy("appointment", "Did not come")
    CANCELLED = "cancelled", pgettext_lazy("appointment", "Cancelled")
    # nobody said in time what became of it: TA may have come
    UNSAID = "unsaid", pgettext_lazy("appointment", "No record")


class Reason(models.TextChoices):
    """Why nobody came, or why it was called off."""

    BUSY = "busy", pgettext_lazy("appointment", "Something came up")
    LATER = "later", pgettext_lazy("appointment", "Another day")
    NO_WORD = "no_word", pgettext_lazy("appointment", "No word from TA")
    BOUGHT = "bought", pgettext_lazy("appointment", "No need any more")
    SHOP = "shop", pgettext_lazy("appointment", "The store cannot")
    # by the customer, on TA's own page: asked for no reason
    CUSTOMER = "customer", pgettext_lazy("appointment", "TA cancelled")
    ERASED = "erased", pgettext_lazy("appointment", "TA had the data deleted")


class Appointment(models.Model):
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
        verbose_name=_("guide"),
        db_index=False,
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.FITTING)
    starts_at = models.DateTimeField(_("time"))
    # the full hour it falls into: two of one customer and guide in an hour are a mistake
    hour_at = models.DateTimeField(editable=False)
    note_enc = models.BinaryField(_("note"), default=bytes)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.BOOKED)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices, blank=True)
    booked_by = models.CharField(_("booked by"), max_length=40)
    booked_at = models.DateTimeField(_("booked at"))
    settled_by = models.CharField(_("settled by"), max_length=40, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    # the form that made it: sent twice, it is one appointment
    client_id = models.UUIDField(unique=True, editable=False)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        indexes = [
            models.Index(
                fields=["guide", "starts_at"],
                condition=Q(state="booked"),
                name="appointments_guide_open",
            ),
            models.Index(
                fields=["starts_at"], condition=Q(state="booked"), name="appointments_open"
            ),
            models.Index(fields=["guide", "-starts_at"], name="appointments_guide"),
            models.Index(fields=["store", "-starts_at"], name="appointments_store"),
            models.Index(fields=["-starts_at", "-id"], name="appointments_latest"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "guide", "hour_at"],
                condition=Q(state="booked"),
                name="appointments_one_an_hour",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__gte=F("hour_at"))
                & Q(starts_at__lt=F("hour_at") + timedelta(hours=1)),
                name="appointments_hour_is_its_own",
            ),
            models.CheckConstraint(
                condition=Q(state="booked", settled_at=None, settled_by="")
                | (~Q(state="booked") & Q(settled_at__isnull=False) & ~Q(settled_by="")),
                name="appointments_settled_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("booked", "kept", "unsaid"), reason="")
                | (Q(state__in=("not_kept", "cancelled")) & ~Q(reason="")),
                name="appointments_end_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"appointment:{self.pk}"

    @property
    def source(self) -> str:
        return f"appointment:{self.pk}"

    @property
    def is_booked(self) -> bool:
        return self.state == State.BOOKED


class AppointmentMove(models.Model):
    """A step of an appointment: another state, or another guide."""

    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="moves", verbose_name=_("appointment")
    )
    from_state = models.CharField(max_length=10, choices=State.choices, blank=True)
    to_state = models.CharField(max_length=10, choices=State.choices)
    from_guide = models.ForeignKey(
        "stores.Guide", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("actor"), max_length=40)
    reason = models.CharField(_("reason"), max_length=10, blank=True)

    class Meta:
        verbose_name = _("step of an appointment")
        verbose_name_plural = _("steps of appointments")

    def __str__(self) -> str:
        return f"appointment:{self.appointment_id} {self.from_state}→{self.to_state}"
