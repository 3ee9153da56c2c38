"""What guides send about pieces in other stores."""

from django import forms

from apps.guide_portal.forms import ActForm
from apps.stock.models import Kind, Reason


class AskStockForm(ActForm):
    kind = forms.ChoiceField(choices=Kind.choices)
    # the giving store's share as the page showed it
    percent = forms.IntegerField(min_value=0, max_value=100)


class StockReasonForm(ActForm):
    reason = forms.ChoiceField(choices=Reason.choices)
