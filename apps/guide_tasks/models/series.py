"""A push that repeats, and what became of each of its days."""

from datetime import date, datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.guide_tasks.models.pushes import TaskPush
from apps.guide_tasks.querysets import PushSeriesQuerySet, SeriesOccurrenceQuerySet
from apps.guide_tasks.rhythm import Every, Rhythm


class PushSeries(models.Model):
    """周期下发: what `pattern` says goes out on every day of the rhythm, to whom its segment then
    holds, in the name of `owner`. All pushes of a series share the pattern's campaign: whoever is
    held out of one is held out of all.

    `number` and `starts_on` as in `Rhythm`; `hour` and `due_hour` are chain-local times of day.
    `next_on` and `next_at` say when it goes out next, and are there exactly while it runs.
    """

    class Status(models.TextChoices):
        PREPARED = "prepared", _("not begun yet")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    pattern = models.OneToOneField(
        TaskPush, on_delete=models.PROTECT, related_name="+", verbose_name=_("pattern")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("in the name of"),
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PREPARED
    )
    every = models.CharField(_("rhythm"), max_length=5, choices=Every.choices)
    number = models.PositiveSmallIntegerField(_("day of the rhythm"))
    starts_on = models.DateField(_("from"))
    hour = models.TimeField(_("goes out at"))
    due_days = models.PositiveSmallIntegerField(_("days to do it"), default=2)
    due_hour = models.TimeField(_("due at"))
    until = models.DateField(_("until"), null=True, blank=True)
    times = models.PositiveSmallIntegerField(_("how many times"), null=True, blank=True)
    next_on = models.DateField(null=True, editable=False)
    next_at = models.DateTimeField(_("next"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    paused_at = models.DateTimeField(_("paused at"), null=True, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)

    objects = PushSeriesQuerySet.as_manager()

    class Meta:
        verbose_name = _("repeating push")
        verbose_name_plural = _("repeating pushes")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["next_at"],
                condition=Q(status="running"),
                name="guide_tasks_series_next",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="running", next_on__isnull=False, next_at__isnull=False)
                | (~Q(status="running") & Q(next_on=None, next_at=None)),
                name="guide_tasks_series_running_has_next",
            ),
            models.CheckConstraint(
                condition=Q(every="week", number__range=(1, 7))
                | Q(every="month", number__range=(1, 31))
                | Q(every="days", number__range=(1, 90)),
                name="guide_tasks_series_number_fits",
            ),
            models.CheckConstraint(
                condition=Q(times=None) | Q(times__gte=1), name="guide_tasks_series_times_is_some"
            ),
        ]

    def __str__(self) -> str:
        return f"push_series:{self.pk}"

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(self.every, self.number, self.starts_on)

    def goes_out_at(self, day: date) -> datetime:
        """The moment of a day's hand-out."""
        return datetime.combine(day, self.hour, tzinfo=clock.chain_tz())

    def due_of(self, day: date) -> datetime:
        """Until when what goes out on a day is to be done."""
        due_on = date.fromordinal(day.toordinal() + self.due_days)
        return datetime.combine(due_on, self.due_hour, tzinfo=clock.chain_tz())


class SeriesOccurrence(models.Model):
    """A day of a series: the push it made, or why it made none. One row a day, whoever asks."""

    class Skipped(models.TextChoices):
        EMPTY = "empty", _("nobody was in the segment that day")
        OWNER = "owner", _("who set it up may not hand out pushes any more")
        MODULE = "module", _("this kind of work was switched off")
        SCRIPT = "script", _("its script had been withdrawn")
        CONTENT = "content", _("its content had run out")
        MISSED = "missed", _("the product did not run at that hour")
        REFUSED = "refused", _("it could not be handed out")

    series = models.ForeignKey(
        PushSeries,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("series"),
        db_index=False,
    )
    on = models.DateField(_("day"))
    push = models.OneToOneField(
        TaskPush, on_delete=models.PROTECT, related_name="+", null=True, verbose_name=_("push")
    )
    skipped = models.CharField(_("left out"), max_length=10, choices=Skipped.choices, blank=True)
    sentence = models.CharField(_("sentence"), max_length=200, blank=True)
    decided_at = models.DateTimeField(_("decided at"))
    # a person has read why a day was left out
    noted_at = models.DateTimeField(_("noted at"), null=True)
    noted_by = models.CharField(_("noted by"), max_length=40, blank=True)

    objects = SeriesOccurrenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("day of a repeating push")
        verbose_name_plural = _("days of repeating pushes")
        indexes = [
            models.Index(
                fields=["series"],
                condition=~Q(skipped="") & Q(noted_at=None),
                name="guide_tasks_skipped_unread",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["series", "on"], name="guide_tasks_series_once_a_day"),
            models.CheckConstraint(
                condition=Q(push__isnull=False, skipped="") | (Q(push=None) & ~Q(skipped="")),
                name="guide_tasks_occurrence_pushed_or_skipped",
            ),
        ]

    def __str__(self) -> str:
        return f"push_series:{self.series_id} {self.on}"
