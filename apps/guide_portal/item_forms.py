"""What guides and managers send about work without customers."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.fields import LinesField
from apps.guide_portal.forms import ActForm
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import WantedItems
from apps.guide_tasks.services.items.excuses import GUIDE_REASONS
from apps.stores.models import Store

ANYONE, EACH = "anyone", "each"
DUE_HOUR = 21
# days from today
DUE_CHOICES = ((0, _("today")), (1, _("tomorrow")), (3, _("in 3 days")), (7, _("in a week")))


class ReportForm(ActForm):
    note = LinesField(max_length=500, required=False)


class PhotoForm(ReportForm):
    photo = forms.FileField(allow_empty_file=True)


class RefuseForm(ActForm):
    reason = LinesField(max_length=200)


class ExcuseItemForm(ActForm):
    reason = forms.ChoiceField(choices=[(code.value, "") for code in GUIDE_REASONS])
    words = forms.CharField(max_length=100, required=False)


class MoreTimeForm(ActForm):
    """The new last day; a page offers a few."""

    day = forms.DateField()
    # what was not done in time is meant
    over = forms.BooleanField(required=False)

    @property
    def due_at(self) -> datetime:
        return evening_of(self.cleaned_data["day"])


class TakeBackForm(ActForm):
    """One of the offered reasons, or the manager's own words."""

    reason = forms.CharField(max_length=20)
    words = forms.CharField(max_length=100, required=False)


class ChaseItemsForm(ActForm):
    item = forms.TypedMultipleChoiceField(coerce=int)

    def __init__(self, *args: Any, items: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.fields["item"]
        assert isinstance(known, forms.TypedMultipleChoiceField)
        known.choices = [(pk, pk) for pk in items]


class NewTaskForm(ActForm):
    """新建任务: in the store's words; what it becomes is decided by two questions."""

    title = forms.CharField(max_length=40, error_messages={"required": _("Say what is to be done")})
    body = LinesField(max_length=500, required=False)
    who = forms.ChoiceField(choices=[(ANYONE, ""), (EACH, "")], initial=ANYONE)
    photo = forms.BooleanField(required=False)
    days = forms.TypedChoiceField(coerce=int, choices=[(days, "") for days, _words in DUE_CHOICES])
    store: forms.ModelChoiceField = forms.ModelChoiceField(Store.objects.none(), required=False)

    def __init__(self, *args: Any, stores: list[Store], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stores = stores
        chosen = self.fields["store"]
        assert isinstance(chosen, forms.ModelChoiceField)
        chosen.queryset = Store.objects.filter(pk__in=[store.pk for store in stores])

    def wanted(self, *, now: datetime) -> WantedItems:
        """The push that these words ask for."""
        found = self.cleaned_data
        once = found["who"] == ANYONE
        plain = TaskPush.Kind.GROUP if once else TaskPush.Kind.FREE
        return WantedItems(
            kind=TaskPush.Kind.DISPLAY if found["photo"] else plain,
            title=found["title"],
            body=found["body"],
            once_per_store=once,
            due_at=due_moment(now, found["days"]),
            stores=[found["store"] or self.stores[0]],
        )


def due_moment(now: datetime, days: int) -> datetime:
    """The evening so many days from today; late at night today ends with the day."""
    day = clock.business_day(now) + timedelta(days=days)
    evening = evening_of(day)
    return evening if evening > now else clock.day_start(day + timedelta(days=1))


def evening_of(day: date) -> datetime:
    """When work that is due on a day is due."""
    return clock.day_start(day) + timedelta(hours=DUE_HOUR)
