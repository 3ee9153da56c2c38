"""What is sent about a visit of a store."""

from datetime import datetime, timedelta
from typing import Any

from django import forms

from apps.core import clock
from apps.core.fields import LinesField
from apps.guide_portal.forms import ActForm
from apps.stores.models import Guide, Posting, Store
from apps.stores.visits import Wanted

ITEM_ROWS = (1, 2, 3)
ITEM_DAYS = (1, 3, 7, 14)


class VisitForm(ActForm):
    """What was seen, and up to three things to follow: what, who, until when."""

    note = LinesField(max_length=500, required=False)

    def __init__(self, *args: Any, store: Store, day: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = Guide.objects.active().filter(
            pk__in=Posting.objects.on(day).filter(store=store).values("guide_id")
        )
        for n in ITEM_ROWS:
            self.fields[f"words_{n}"] = forms.CharField(max_length=120, required=False)
            self.fields[f"guide_{n}"] = forms.ModelChoiceField(here, required=False)
            self.fields[f"days_{n}"] = forms.TypedChoiceField(
                coerce=int, choices=[(days, "") for days in ITEM_DAYS], required=False
            )

    def items(self, *, now: datetime) -> list[Wanted]:
        found, today = self.cleaned_data, clock.business_day(now)
        return [
            Wanted(
                words=found[f"words_{n}"],
                due_on=today + timedelta(days=found[f"days_{n}"] or ITEM_DAYS[1]),
                guide=found[f"guide_{n}"],
            )
            for n in ITEM_ROWS
            if found[f"words_{n}"].strip()
        ]


class WordForm(forms.Form):
    word = LinesField(max_length=200, required=False)
