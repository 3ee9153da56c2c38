"""What guides and managers send about complaints."""

from django import forms

from apps.cases.models import Kind, Result
from apps.core.fields import LinesField
from apps.guide_portal.forms import ActForm

WORDS = 300


class OpenCaseForm(ActForm):
    """What it is about, in TA's words; the order where TA names one."""

    kind = forms.ChoiceField(choices=Kind.choices)
    words = LinesField(max_length=WORDS)
    order = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)


class CloseCaseForm(ActForm):
    result = forms.ChoiceField(choices=Result.choices)
    words = LinesField(max_length=WORDS)


class ReopenCaseForm(ActForm):
    words = LinesField(max_length=WORDS)
