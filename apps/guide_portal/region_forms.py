"""What regional managers send: tasks for their stores, other times for a push."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts import modules
from apps.core import clock
from apps.core.fields import LinesField
from apps.guide_portal.forms import ActForm
from apps.guide_portal.item_forms import DUE_CHOICES, due_moment
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import WantedItems
from apps.stores.models import Store

Kind = TaskPush.Kind
KINDS = (
    (Kind.GROUP, _("Once for each store"), _("Whoever has time says it is done")),
    (Kind.FREE, _("Each guide"), _("One each for who is on duty")),
    (Kind.DISPLAY, _("A photo from each store"), _("The store manager approves it")),
    (Kind.RECRUIT, _("Win members or friends"), _("Counted by itself, for each guide")),
)
MINUTES = (5, 15, 30, 60)


def kinds_on() -> list[tuple[str, Any, Any]]:
    """The kinds that the chain has not left out."""
    return [(kind.value, words, hint) for kind, words, hint in KINDS if modules.is_on(kind)]


class RegionTaskForm(ActForm):
    """Without `sure` the page shows what is running there; with it the task goes out."""

    kind = forms.ChoiceField(choices=[])
    title = forms.CharField(max_length=40)
    body = LinesField(max_length=500, required=False)
    quota = forms.IntegerField(min_value=1, max_value=999, required=False)
    quota_of = forms.ChoiceField(choices=TaskPush.QuotaOf.choices, required=False)
    minutes = forms.TypedChoiceField(coerce=int, choices=[(n, "") for n in MINUTES], initial=15)
    days = forms.TypedChoiceField(coerce=int, choices=[(days, "") for days, _words in DUE_CHOICES])
    stores: forms.ModelMultipleChoiceField = forms.ModelMultipleChoiceField(Store.objects.none())
    sure = forms.BooleanField(required=False)

    def __init__(self, *args: Any, seen: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind, chosen = self.fields["kind"], self.fields["stores"]
        assert isinstance(kind, forms.ChoiceField)
        assert isinstance(chosen, forms.ModelMultipleChoiceField)
        kind.choices = [(code, "") for code, _words, _hint in kinds_on()]
        chosen.queryset = seen

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("kind") == Kind.RECRUIT and not (
            cleaned.get("quota") and cleaned.get("quota_of")
        ):
            self.add_error("quota", _("Say how many and of what each guide shall win."))
        return cleaned

    def wanted(self, *, now: datetime) -> WantedItems:
        """The push that these words ask for."""
        found = self.cleaned_data
        recruits = found["kind"] == Kind.RECRUIT
        return WantedItems(
            kind=found["kind"],
            title=found["title"],
            body=found["body"],
            once_per_store=found["kind"] in (Kind.GROUP, Kind.DISPLAY),
            quota=found["quota"] if recruits else None,
            quota_of=found["quota_of"] if recruits else "",
            minutes=found["minutes"],
            due_at=due_moment(now, found["days"]),
            stores=list(found["stores"]),
        )


class TimingForm(ActForm):
    """Other times for a push in one region: an hour before which nothing opens, more days."""

    region = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    opens = forms.TypedChoiceField(
        coerce=int, choices=[(hour, "") for hour in range(24)], required=False, empty_value=None
    )
    more_days = forms.IntegerField(min_value=0, max_value=99, required=False)
    reason = LinesField(max_length=200, required=False)

    def opens_at(self, *, now: datetime) -> datetime | None:
        """The next time the chain's clock shows that hour."""
        hour = self.cleaned_data["opens"]
        if hour is None:
            return None
        today = datetime.combine(clock.business_day(now), time(hour), tzinfo=clock.chain_tz())
        return today if today > now else today + timedelta(days=1)
