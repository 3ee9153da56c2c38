"""How a push repeats, as a form. It checks shape; the series' services decide."""

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import dates
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import PushSeries, TaskPush
from apps.guide_tasks.rhythm import LAST_DAY, MOST_DAYS, Every
from apps.guide_tasks.services.series import SeriesTerms
from apps.hq.forms import DUE_HOUR

ONCE = "once"
_DUE_DAYS = 2
# for what has no hour of its own yet: guides are at work, and have the day before them
_HOUR = 10


def _day(label: Any, **options: Any) -> forms.DateField:
    return forms.DateField(
        label=label, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), **options
    )


def _hour(label: Any) -> forms.TimeField:
    return forms.TimeField(label=label, widget=forms.TimeInput({"type": "time"}, format="%H:%M"))


class RhythmForm(forms.Form):
    """Weekday, day of the month or days between: the one that the rhythm asks for counts.

    `once` offers not to repeat at all (the wizard); then nothing else is asked.
    """

    every = forms.ChoiceField(label=_("Repeats"), widget=forms.RadioSelect)
    weekday = forms.TypedChoiceField(
        label=_("Weekday"),
        coerce=int,
        choices=[(number + 1, dates.WEEKDAYS[number]) for number in range(7)],
    )
    month_day = forms.TypedChoiceField(
        label=_("Day of the month"),
        coerce=int,
        choices=[*((n, str(n)) for n in range(1, LAST_DAY)), (LAST_DAY, _("last day"))],
    )
    days = forms.IntegerField(
        label=_("Once in how many days (1 = every day)"), min_value=1, max_value=MOST_DAYS
    )
    series_hour = _hour(_("Goes out at"))
    due_days = forms.IntegerField(label=_("Days to do it"), min_value=0, max_value=30)
    due_hour = _hour(_("Due at"))
    starts_on = _day(_("First day"))
    until = _day(_("Last day"), required=False)
    times = forms.IntegerField(
        label=_("How many times"), min_value=1, max_value=500, required=False
    )

    def __init__(self, *args: Any, once: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: list[tuple[str, Any]] = [(ONCE, _("no, once"))] if once else []
        every = self.fields["every"]
        assert isinstance(every, forms.ChoiceField)
        every.choices = [*choices, *Every.choices]
        if once and self.is_bound and self.data.get("every", ONCE) == ONCE:
            for field in self.fields.values():
                field.required = False

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        first, last = found.get("starts_on"), found.get("until")
        if first and last and last < first:
            self.add_error("until", _("The last day lies before the first."))
        return found

    @property
    def terms(self) -> SeriesTerms | None:
        """What was chosen; None for once."""
        found = self.cleaned_data
        number = {
            Every.WEEK: found.get("weekday"),
            Every.MONTH: found.get("month_day"),
            Every.DAYS: found.get("days"),
        }.get(found["every"])
        if number is None:
            return None
        return SeriesTerms(
            every=found["every"],
            number=number,
            starts_on=found["starts_on"],
            hour=found["series_hour"],
            due_days=found["due_days"],
            due_hour=found["due_hour"],
            until=found["until"],
            times=found["times"],
        )


class RepeatForm(RhythmForm):
    """The form that makes a series: sent twice, it makes one."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)


def initial_of(series: PushSeries) -> dict[str, Any]:
    """A series as its form shows it."""
    numbers = {"weekday": 1, "month_day": 1, "days": 14}
    numbers[{"week": "weekday", "month": "month_day"}.get(series.every, "days")] = series.number
    return {
        **numbers,
        "every": series.every,
        "series_hour": series.hour,
        "due_days": series.due_days,
        "due_hour": series.due_hour,
        "starts_on": series.starts_on,
        "until": series.until,
        "times": series.times,
    }


def _usual_start(now: datetime) -> datetime:
    return clock.day_start(clock.business_day(now)) + timedelta(hours=_HOUR)


def initial_rhythm(push: TaskPush, now: datetime) -> dict[str, Any]:
    """Every week on the weekday and at the hour of the push, with as many days to do it."""
    known = push.handed_out_at or push.hand_out_at
    start = (known or _usual_start(now)).astimezone(clock.chain_tz())
    due = push.due_at.astimezone(clock.chain_tz()) if push.due_at else None
    hour = time(start.hour, start.minute - start.minute % 15)
    days = max((due.date() - start.date()).days, 0) if due else _DUE_DAYS
    due_hour = time(due.hour, due.minute) if due else time(DUE_HOUR)
    if days == 0 and due_hour <= hour:
        days = 1
    if not hours.is_within(start.replace(hour=hour.hour, minute=hour.minute),
                           push.hand_out_from, push.hand_out_until):  # fmt: skip
        hour = push.hand_out_from
    return {
        "every": Every.WEEK,
        "weekday": start.isoweekday(),
        "month_day": start.day,
        "days": 14,
        "series_hour": hour,
        "due_days": min(days, 30),
        "due_hour": due_hour,
        "starts_on": clock.business_day(now),
    }


def terms_of(initial: dict[str, Any]) -> SeriesTerms:
    """The terms a form shows before anybody changed it."""
    name = {"week": "weekday", "month": "month_day"}.get(initial["every"], "days")
    return SeriesTerms(
        every=initial["every"],
        number=initial[name],
        starts_on=initial["starts_on"],
        hour=initial["series_hour"],
        due_days=initial["due_days"],
        due_hour=initial["due_hour"],
        until=initial.get("until"),
        times=initial.get("times"),
    )


def coming_days(terms: SeriesTerms, now: datetime, count: int = 5) -> list[date]:
    """The first days of a rhythm that lie ahead."""
    draft = PushSeries(**asdict(terms))
    today = clock.business_day(now)
    last = terms.until or today + timedelta(days=count * 100)
    ahead = (day for day in draft.rhythm.days(today, last) if draft.goes_out_at(day) > now)
    wanted = min(count, terms.times or count)
    return [day for day, _place in zip(ahead, range(wanted), strict=False)]
