"""What guides send about appointments."""

from datetime import date, datetime, time
from typing import Any

from django import forms

from apps.appointments.models import Kind, Reason
from apps.core import clock
from apps.guide_portal.forms import ActForm


class BookForm(ActForm):
    """What for, on which day (one of those shown or another one), at what time."""

    kind = forms.ChoiceField(choices=Kind.choices)
    day = forms.DateField(required=False)
    other_day = forms.DateField(required=False)
    at = forms.TimeField()
    note = forms.CharField(max_length=100, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not (cleaned.get("day") or cleaned.get("other_day")):
            raise forms.ValidationError("day")
        return cleaned

    @property
    def starts_at(self) -> datetime:
        found = self.cleaned_data
        day: date = found["other_day"] or found["day"]
        at: time = found["at"]
        return datetime.combine(day, at, tzinfo=clock.chain_tz())


class ReasonForm(ActForm):
    reason = forms.ChoiceField(choices=Reason.choices)
