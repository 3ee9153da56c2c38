"""The short form of a push without customers. It checks shape; the push's service decides."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.fields import LinesField
from apps.guide_tasks import hours
from apps.guide_tasks.models import CONFIRMED_IN_WECOM, TaskPush
from apps.guide_tasks.services import WantedItems
from apps.hq.forms import DUE_HOUR, default_due
from apps.outreach.attachments import Piece
from apps.stores.models import Region, Store

Kind = TaskPush.Kind
_MOMENT = "%Y-%m-%dT%H:%M"


def _when(label: Any, **options: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput({"type": "datetime-local"}, format=_MOMENT)
    return forms.DateTimeField(label=label, widget=widget, input_formats=[_MOMENT], **options)


def _hour(label: Any) -> forms.TimeField:
    return forms.TimeField(label=label, widget=forms.TimeInput({"type": "time"}, format="%H:%M"))


class ItemPushForm(forms.Form):
    """Fields that a kind does not have are not there."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    title = forms.CharField(label=_("Title"), max_length=40)
    body = LinesField(
        label=_("What is to be done"),
        widget=forms.Textarea({"rows": 4}),
        max_length=1000,
        required=False,
    )
    quota = forms.IntegerField(label=_("How many per guide"), min_value=1, max_value=999)
    quota_of = forms.ChoiceField(
        label=_("Of what"), choices=TaskPush.QuotaOf.choices, widget=forms.RadioSelect
    )
    once_per_store = forms.TypedChoiceField(
        label=_("By whom"),
        choices=[("1", _("once for each store, by anybody there")), ("", _("by each guide"))],
        coerce=bool,
        empty_value="",
        required=False,
        widget=forms.RadioSelect,
    )
    regions: forms.ModelMultipleChoiceField = forms.ModelMultipleChoiceField(
        Region.objects.order_by("code"),
        label=_("Regions"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    codes = forms.CharField(label=_("Stores by code"), max_length=4000, required=False)
    hand_out_at = _when(_("Hand out at"), required=False)
    due_at = _when(_("Due"))
    hand_out_from = _hour(_("Hand-out from"))
    hand_out_until = _hour(_("Hand-out until"))

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        gone = {"quota", "quota_of"} if kind != Kind.RECRUIT else set()
        gone |= {"once_per_store"} if kind != Kind.DISPLAY else set()
        for name in gone:
            del self.fields[name]
        self.fields["body"].required = kind in CONFIRMED_IN_WECOM
        if kind == Kind.GROUP_SEND:
            self.fields["body"].label = _("What the groups read")
        if kind == Kind.MOMENTS:
            self.fields["body"].label = _("What customers read in moments")

    def clean_codes(self) -> list[Store]:
        """The stores behind the codes; a code that is none is named."""
        wanted = set(re.split(r"[\s,，、;；]+", self.cleaned_data["codes"])) - {""}
        found = {store.code: store for store in Store.objects.filter(code__in=wanted)}
        unknown = sorted(wanted - set(found))
        if unknown:
            raise ValidationError(
                _("No store has the code %(codes)s.") % {"codes": "、".join(unknown)}
            )
        return list(found.values())

    def clean_due_at(self) -> datetime:
        due = self.cleaned_data["due_at"]
        if due <= clock.now():
            raise ValidationError(_("The due time must lie ahead."))
        return due

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        start, due = found.get("hand_out_at"), found.get("due_at")
        if start and due and start >= due:
            self.add_error("due_at", _("The push would be due before it is handed out."))
        return found

    def wanted(self, *, attachments: Sequence[Piece] = ()) -> WantedItems:
        """The push that this form asks for, with what goes out beside its words."""
        given = dict(self.cleaned_data)
        del given["client_id"]
        stores, regions = given.pop("codes"), list(given.pop("regions"))
        return WantedItems(
            kind=self.kind, stores=stores, regions=regions, attachments=attachments, **given
        )


def mark_of(wanted: WantedItems) -> str:
    """Changes with whatever would go out, or to whom: what was looked at is what is handed out."""
    told = {}
    for name in (field.name for field in fields(wanted)):
        value = getattr(wanted, name)
        is_places = name in ("regions", "stores")
        told[name] = sorted(row.pk for row in value) if is_places else str(value)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


def initial_push(now: datetime) -> dict[str, Any]:
    """Today's evening as long as that gives guides half a day, else in three days."""
    evening = clock.day_start(clock.business_day(now)) + timedelta(hours=DUE_HOUR)
    half_a_day = timedelta(hours=6)
    return {
        "due_at": evening if evening - now > half_a_day else default_due(now),
        "once_per_store": "1",
        "quota_of": TaskPush.QuotaOf.MEMBERS,
        "quota": 3,
        "hand_out_from": hours.HAND_OUT_FROM,
        "hand_out_until": hours.HAND_OUT_UNTIL,
    }
