"""What a manager may send from 排班, 分配 and 离职/调店."""

from datetime import date
from typing import Any

from django import forms

from apps.guide_portal.forms import ActForm

# shared out by load instead of given to one
BY_LOAD = "load"


class CellForm(forms.Form):
    """A tapped day and what it becomes: the same tap again is the same state."""

    cell = forms.RegexField(r"^\d{4}-\d{2}-\d{2}:(on|off|open|closed)$")

    def clean_cell(self) -> tuple[date, str]:
        day, _colon, state = self.cleaned_data["cell"].partition(":")
        try:
            return date.fromisoformat(day), state
        except ValueError as error:
            raise forms.ValidationError("no such day") from error


class WeekForm(forms.Form):
    first = forms.DateField()


class CoverForm(ActForm):
    covering = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    first = forms.DateField()
    last = forms.DateField()


class GiveForm(ActForm):
    """Rows given to one colleague, or shared out by load."""

    to = forms.RegexField(rf"^({BY_LOAD}|[1-9]\d{{0,17}})$")
    row = forms.TypedMultipleChoiceField(coerce=int, required=False)

    def __init__(self, *args: Any, rows: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.fields["row"]
        assert isinstance(known, forms.TypedMultipleChoiceField)
        known.choices = [(pk, pk) for pk in rows]

    @property
    def guide_id(self) -> int | None:
        to = self.cleaned_data["to"]
        return None if to == BY_LOAD else int(to)
