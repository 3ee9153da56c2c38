"""What guides may send us. Every form carries the id its page made, so a replay is the same act."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.concessions.models import Kind as ConcessionKind
from apps.concessions.models import Reason as ConcessionReason
from apps.core.fields import LinesField
from apps.guide_tasks.models import ExcuseReason
from apps.handovers.models import OwnershipClaim
from apps.members.models import (
    AccessRequest,
    ConfirmedFact,
    EnrolDraft,
    JoinReason,
    VisitReason,
)

OFFERED_REASONS = (
    ExcuseReason.BOUGHT_ALREADY,
    ExcuseReason.JUST_TALKED,
    ExcuseReason.MOVED_AWAY,
    ExcuseReason.WRONG_PERSON,
    ExcuseReason.ASKED_TO_STOP,
    ExcuseReason.OTHER,
)


class ActForm(forms.Form):
    client_id = forms.UUIDField()


def too_long(form: forms.Form) -> str:
    """How many signs fit where somebody wrote more; "" where nothing is too long."""
    wrong = (error for errors in form.errors.as_data().values() for error in errors)
    most = (
        error.params["limit_value"]
        for error in wrong
        if error.code == "max_length" and error.params
    )
    limit = next(most, None)
    if limit is None:
        return ""
    return gettext("Too long: at most %(n)s signs. Shorten it and send again.") % {"n": limit}


class SendForm(ActForm):
    text = LinesField(max_length=1000, required=False)
    back = forms.ChoiceField(choices=[("target", ""), ("task", "")], required=False)


class NotSuitableForm(ActForm):
    reason = forms.ChoiceField(choices=[(reason.value, reason.label) for reason in OFFERED_REASONS])
    confirmed = forms.BooleanField(required=False)


class NoteForm(ActForm):
    body = LinesField(max_length=500, required=False)
    chip = forms.CharField(max_length=40, required=False)
    target = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def clean(self) -> dict[str, Any]:
        """A tapped word is a note; typed words beside it belong to the same note."""
        cleaned = super().clean() or {}
        parts = [cleaned.get("body", ""), cleaned.get("chip", "")]
        cleaned["words"] = "；".join(part for part in parts if part)
        if not cleaned["words"]:
            raise forms.ValidationError(_("Write something or tap a word"))
        return cleaned


class DraftForm(ActForm):
    called = forms.CharField(max_length=20)
    body = LinesField(max_length=200, required=False)


class DropDraftForm(ActForm):
    reason = forms.ChoiceField(choices=EnrolDraft.DropReason.choices, required=False)


class TagForm(ActForm):
    tag = forms.IntegerField(min_value=1, max_value=2**31 - 1)


class FollowUpForm(ActForm):
    due_on = forms.DateField()


class FactForm(ActForm):
    kind = forms.ChoiceField(choices=ConfirmedFact.Kind.choices)
    word = forms.CharField(max_length=12)
    drop = forms.BooleanField(required=False)


class VisitReasonForm(ActForm):
    visit = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    reason = forms.ChoiceField(choices=VisitReason.choices)


class RefusalForm(ActForm):
    reason = forms.ChoiceField(choices=JoinReason.choices)
    words = LinesField(max_length=200, required=False)


class WordingForm(ActForm):
    """A store's own words; how long and with what in them the service says."""

    body = LinesField(max_length=1000, required=False)
    generic_body = LinesField(max_length=1000, required=False)
    seen = forms.CharField(max_length=16)


class MessageForm(ActForm):
    text = LinesField(max_length=1000)


class CouponForm(ActForm):
    """One of three taps: give this coupon, tell TA of that one again, TA has this gift."""

    coupon = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    again = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    handed = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if sum(cleaned.get(name) is not None for name in ("coupon", "again", "handed")) != 1:
            raise forms.ValidationError("one act")
        return cleaned


class AccessForm(ActForm):
    ticket = forms.CharField(max_length=300)
    reason = forms.ChoiceField(choices=AccessRequest.Reason.choices)


class NumberForm(ActForm):
    reason = forms.ChoiceField(choices=AccessRequest.Reason.choices)


class ConcessionForm(ActForm):
    """What is asked for; what it needs is said by the service, in words."""

    kind = forms.ChoiceField(choices=ConcessionKind.choices)
    reason = forms.ChoiceField(choices=ConcessionReason.choices, required=False)
    order = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    percent = forms.IntegerField(required=False)


class ClaimForm(ActForm):
    reason = forms.ChoiceField(choices=OwnershipClaim.Reason.choices)


class DecideForm(ActForm):
    grant = forms.TypedChoiceField(
        choices=[("yes", ""), ("no", "")], coerce=lambda value: value == "yes"
    )


class ChaseForm(ActForm):
    push = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    task = forms.TypedMultipleChoiceField(coerce=int)

    def __init__(self, *args: Any, tasks: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.fields["task"]
        assert isinstance(known, forms.TypedMultipleChoiceField)
        known.choices = [(pk, pk) for pk in tasks]


class SearchForm(forms.Form):
    words = forms.CharField(max_length=64, required=False)


class ContactForm(forms.Form):
    external_userid = forms.CharField(max_length=64)


class ProposeForm(ActForm):
    name = forms.CharField(max_length=30, error_messages={"required": _("Give it a short name")})
    body = LinesField(max_length=1000, error_messages={"required": _("Write what you say")})


class DisplayForm(forms.Form):
    theme = forms.ChoiceField(choices=[("", ""), ("light", ""), ("dark", "")], required=False)
    care = forms.BooleanField(required=False)


class SignatureForm(forms.Form):
    kind = forms.ChoiceField(choices=[("config", ""), ("agent", "")])
    url = forms.CharField(max_length=500)
    refused = forms.BooleanField(required=False)  # WeCom took the last one's ticket no more
