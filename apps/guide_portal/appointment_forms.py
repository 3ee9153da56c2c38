"""What guides send about appointments."""

from datetime import date, datetime, time
from typing import Any

from django import forms

from apps.appointments.models import Kind, Reason
from apps.core import clock
from apps.guide_portal.forms import ActForm

# the choice beside the days shown: the day typed below counts, and with no other choice
OTHER_DAY = "other"


class BookForm(ActForm):
    """What for, on which day (one of those shown or another one), at what time."""

    kind = forms.ChoiceField(choices=Kind.choices)
    day = forms.CharField(max_length=10)
    other_day = forms.DateField(required=False)
    at = forms.TimeField()
    note = forms.CharField(max_length=100, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        typed, chosen = cleaned.pop("other_day", None), cleaned.get("day")
        cleaned["day"] = typed if chosen == OTHER_DAY else _day(chosen or "")
        if cleaned["day"] is None:
            raise forms.ValidationError("day")
        return cleaned

    @property
    def starts_at(self) -> datetime:
        found = self.cleaned_data
        day: date = found["day"]
        at: time = found["at"]
        return datetime.combine(day, at, tzinfo=clock.chain_tz())


def _day(words: str) -> date | None:
    try:
        return date.fromisoformat(words)
    except ValueError:
        return None


class ReasonForm(ActForm):
    reason = forms.ChoiceField(choices=Reason.choices)
