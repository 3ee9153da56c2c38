"""The wizard's steps as forms. A form checks shape; the push's own services decide."""

from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts import modules
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.fields import LinesField
from apps.guide_tasks.models import AssignBy, Grade, TaskPush
from apps.loyalty.models import Coupon
from apps.loyalty.selectors import worth_words
from apps.outreach import scripts
from apps.outreach.models import ContentAsset, MessageTemplate
from apps.tagging.models import Tag

DUE_HOUR = 21


def default_due(now: datetime) -> datetime:
    """Three days from today, 21:00 chain time."""
    day = clock.business_day(now) + timedelta(days=3)
    return clock.day_start(day) + timedelta(hours=DUE_HOUR)


class CouponChoice(forms.ModelChoiceField):
    """A coupon as head office chooses it: what it is worth, and how many there are."""

    def label_from_instance(self, obj: Any) -> str:
        left = _("%(n)s left") % {"n": f"{obj.left:,}"}
        return f"{obj.name}（{worth_words(obj)}） · {left}"


class WhatForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=40)
    template = forms.ModelChoiceField(
        MessageTemplate.objects.of_chain().filter(is_active=True),
        label=_("Script"),
        required=False,
        empty_label=_("none"),
    )
    body = LinesField(label=_("Personal text"), widget=forms.Textarea({"rows": 4}), max_length=1000)
    generic_body = LinesField(
        label=_("Text for everybody"),
        widget=forms.Textarea({"rows": 4}),
        max_length=1000,
        required=False,
    )
    asset = forms.ModelChoiceField(
        ContentAsset.objects.order_by("-id"),
        label=_("Content"),
        required=False,
        empty_label=_("none"),
    )
    coupon = CouponChoice(
        Coupon.objects.none(), label=_("Coupon"), required=False, empty_label=_("none")
    )
    result_tags = forms.ModelMultipleChoiceField(
        Tag.objects.filter(retired_at=None).select_related("group"),
        label=_("Result tags"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, kept_coupon_id: int | None = None, **kwargs: Any) -> None:
        """`kept_coupon_id`: chosen before. It stays until somebody takes it off, whatever became of
        it: the check says if it cannot go out."""
        super().__init__(*args, **kwargs)
        coupons = Coupon.objects.running(on=clock.today()).filter(issued__lt=F("stock"))
        if kept_coupon_id is not None:
            coupons |= Coupon.objects.filter(pk=kept_coupon_id)
        if not modules.is_on(modules.Module.MEMBER_PAGES):
            coupons = coupons.none()  # nobody could open it
        cast(CouponChoice, self.fields["coupon"]).queryset = coupons.order_by("name")

    def _script(self, name: str) -> str:
        text = self.cleaned_data[name].strip()
        try:
            scripts.validate_script(text)
        except DomainError as error:
            raise ValidationError(str(error)) from error
        return text

    def clean_body(self) -> str:
        return self._script("body")

    def clean_generic_body(self) -> str:
        text = self._script("generic_body")
        if scripts.has_customer_variables(text):
            raise ValidationError(_("The text for everybody must not use a customer's variables."))
        return text

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        body = found.get("body", "")
        if scripts.has_customer_variables(body) and not found.get("generic_body"):
            if "generic_body" not in self.errors:
                self.add_error(
                    "generic_body", _("A personal text also needs its variant for everybody.")
                )
        elif body and not found.get("generic_body") and "generic_body" not in self.errors:
            found["generic_body"] = body
        return found


def assign_sentences() -> list[tuple[str, Promise, Promise]]:
    """(value, label, sentence) of who gets a member."""
    return [
        (AssignBy.SERVING.value, _("Each member's own guide"), _("and nobody else.")),
        (
            AssignBy.FRIEND.value,
            _("Own guide, else another WeCom friend"),
            _("whom the own guide has lost, or who left, goes to a guide who is TA's friend."),
        ),
        (
            AssignBy.LAST.value,
            _("Who was in touch last"),
            _("the WeCom friend among the guides whom TA last had to do with."),
        ),
        (
            AssignBy.POOL.value,
            _("The store, least busy first"),
            _("shared out by open tasks among TA's WeCom friends at work in the store."),
        ),
    ]


class WhenForm(forms.Form):
    assign_by = forms.ChoiceField(choices=AssignBy.choices, required=False)
    hand_out_at = forms.DateTimeField(
        label=_("Hand out at"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
    )
    due_at = forms.DateTimeField(
        label=_("Due"),
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
    )
    hand_out_from = forms.TimeField(
        label=_("Hand-out from"), widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    hand_out_until = forms.TimeField(
        label=_("Hand-out until"), widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    contact_from = forms.TimeField(
        label=_("Contact customers from"), widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    contact_until = forms.TimeField(
        label=_("Contact customers until"), widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    minutes_per_target = forms.IntegerField(
        label=_("Minutes per customer"), min_value=1, max_value=60, required=False
    )

    def __init__(self, *args: Any, repeats: bool = False, **kwargs: Any) -> None:
        """What repeats has times of its own, set by its rhythm."""
        super().__init__(*args, **kwargs)
        if repeats:
            del self.fields["hand_out_at"], self.fields["due_at"]

    def clean_due_at(self) -> datetime:
        due = self.cleaned_data["due_at"]
        if due <= clock.now():
            raise ValidationError(_("The due time must lie ahead."))
        return due

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("minutes_per_target") is None:
            found.pop("minutes_per_target", None)  # left out: as it was
        if not found.get("assign_by"):
            found.pop("assign_by", None)
        start, due = found.get("hand_out_at"), found.get("due_at")
        if start and due and start >= due:
            self.add_error("due_at", _("The push would be due before it is handed out."))
        self._demand_forward("hand_out_from", "hand_out_until")
        self._demand_forward("contact_from", "contact_until")
        return found

    def _demand_forward(self, first: str, last: str) -> None:
        """Hours that run over midnight would mean the night: nobody is contacted then. Equal ones
        mean the whole day."""
        begin, end = self.cleaned_data.get(first), self.cleaned_data.get(last)
        if begin and end and begin > end:
            message = _(
                "%(begin)s to %(end)s would be the night. Begin in the morning, end in the evening."
            ) % {"begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}
            self.add_error(last, message)


class DoneForm(forms.Form):
    required_grade = forms.TypedChoiceField(
        label=_("Counts as done at"),
        coerce=int,
        choices=[
            (Grade.DELIVERED, Grade.DELIVERED.label),
            (Grade.INITIATED, Grade.INITIATED.label),
            (Grade.SELF_REPORTED, Grade.SELF_REPORTED.label),
        ],
        widget=forms.RadioSelect,
    )
    window_days = forms.IntegerField(label=_("Outcome window in days"), min_value=1, max_value=90)
    follow_up_days = forms.IntegerField(
        label=_("Follow up when no order after days"), min_value=0, max_value=90, required=False
    )


class ControlForm(forms.Form):
    share = forms.DecimalField(
        label=_("Control group in per cent"), min_value=0, max_value=90, decimal_places=1
    )

    @property
    def basis_points(self) -> int:
        return int(self.cleaned_data["share"] * 100)


def initial_when(push: TaskPush, now: datetime) -> dict[str, Any]:
    return {
        "assign_by": push.assign_by,
        "hand_out_at": push.hand_out_at,
        "due_at": push.due_at or default_due(now),
        "hand_out_from": push.hand_out_from,
        "hand_out_until": push.hand_out_until,
        "contact_from": push.contact_from,
        "contact_until": push.contact_until,
        "minutes_per_target": push.minutes_per_target,
    }
