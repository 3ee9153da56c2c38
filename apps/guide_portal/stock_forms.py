"""What guides send about pieces in other stores."""

from django import forms

from apps.guide_portal.forms import ActForm
from apps.stock.models import Kind, Reason


class AskStockForm(ActForm):
    kind = forms.ChoiceField(choices=Kind.choices)


class StockReasonForm(ActForm):
    reason = forms.ChoiceField(choices=Reason.choices)
