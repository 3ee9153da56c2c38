"""The form of a 渠道活码. It checks shape and finds stores and guides; the service decides."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts.actor import Actor
from apps.contact_codes.models import ChannelCode, CodeShift
from apps.contact_codes.services import Shift, Wanted
from apps.core.fields import LinesField
from apps.hq.picture_form import PictureForm
from apps.stores.models import Guide, Region, Store
from apps.tagging.models import Tag

Kind = ChannelCode.Kind
Medium = ChannelCode.Medium
WEEKDAYS = [
    ("1", _("Mon")), ("2", _("Tue")), ("3", _("Wed")), ("4", _("Thu")), ("5", _("Fri")),
    ("6", _("Sat")), ("7", _("Sun")),
]  # fmt: skip
# fields that a kind does not have are not there
LEFT_OUT: dict[str, set[str]] = {
    Kind.GUIDE: {"store"},
    Kind.STORE: {"guide"},
    Kind.CHAIN: {"store", "guide"},
    Kind.NEAREST: {"store", "guide", "backup", "daily_limit", "welcome", "tags", "card_title",
                   "card_text", "card_url", "picture", "kept", "no_picture"},
}  # fmt: skip


def _first_word(value: str) -> str:
    """A choice of the list reads "sh01 上海南京西路店": the first word is the key."""
    return value.split()[0] if value.split() else ""


class PersonField(forms.CharField):
    """A guide by WeCom user id, as the list offers it."""

    actor: Actor

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput({"list": "code-guides", "autocomplete": "off"})
        super().__init__(max_length=110, widget=widget, **options)

    def clean(self, value: Any) -> Any:
        given = super().clean(value)
        word = _first_word(given)
        if not word:
            return None
        rows = Guide.objects.visible_to(self.actor).active()
        found = list(rows.filter(wecom_userid=word)[:5])
        if len(found) > 1:  # of several corps: the name behind the id says who is meant
            found = [one for one in found if f"{one.wecom_userid} {one.name}" == given.strip()]
        if len(found) > 1:
            raise ValidationError(_("Two corps have a guide with this id and name."))
        if not found:
            raise ValidationError(_("No guide with this WeCom user id."))
        return found[0]


def _ask_as(form: forms.Form, actor: Actor) -> None:
    """The form's persons are looked up among those the actor sees."""
    for field in form.fields.values():
        if isinstance(field, PersonField):
            field.actor = actor


class CodeForm(PictureForm):
    client_id = forms.UUIDField(widget=forms.HiddenInput)
    title = forms.CharField(label=pgettext_lazy("contact code", "Title"), max_length=30)
    channel = forms.CharField(
        label=_("Channel"), max_length=20, widget=forms.TextInput({"list": "code-channels"})
    )
    store = forms.CharField(
        label=_("Store"), max_length=110,
        widget=forms.TextInput({"list": "code-stores", "autocomplete": "off"}),
    )  # fmt: skip
    guide = PersonField(label=_("Guide"))
    backup = PersonField(label=_("Backup guide"), required=False)
    daily_limit = forms.IntegerField(
        label=_("Customers per guide and day"), min_value=1, max_value=999, required=False
    )
    tags: forms.ModelMultipleChoiceField = forms.ModelMultipleChoiceField(
        Tag.objects.filter(retired_at=None).select_related("group"),
        label=_("Tags for who comes by it"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    welcome = LinesField(
        label=pgettext_lazy("contact code", "Welcome"),
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )
    card_title = forms.CharField(label=_("Card: title"), max_length=64, required=False)
    card_text = forms.CharField(label=_("Card: text"), max_length=200, required=False)
    card_url = forms.URLField(
        label=_("Card: address"), max_length=500, required=False, assume_scheme="https",
        widget=forms.TextInput({"inputmode": "url"}),
    )  # fmt: skip
    poster_text = forms.CharField(label=_("Text on the poster"), max_length=60, required=False)

    def __init__(
        self,
        *args: Any,
        kind: str,
        actor: Actor,
        medium: str = Medium.CODE,
        fixed: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.kind, self.actor, self.medium = kind, actor, medium
        for name in LEFT_OUT[kind]:
            del self.fields[name]
        for name in ("store", "guide"):
            if fixed and name in self.fields:  # what the poster promised stays
                del self.fields[name]
        if medium == Medium.LINK:
            self.fields["title"].label = pgettext_lazy("acquisition", "Name of the link")
            self.fields["poster_text"].label = _("Text beside the QR code")
        _ask_as(self, actor)

    def clean_store(self) -> Store:
        word = _first_word(self.cleaned_data["store"])
        found = Store.objects.visible_to(self.actor).filter(code=word).first()
        if found is None:
            raise ValidationError(_("No store with this code."))
        return found

    def wanted(self, shifts: list[Shift], *, code: ChannelCode | None = None) -> Wanted:
        """What the service is asked for; of a code that exists kind, store and guide stay."""
        data = self.cleaned_data
        store, guide, backup = data.get("store"), data.get("guide"), data.get("backup")
        return Wanted(
            title=data["title"],
            channel=data["channel"],
            kind=self.kind,
            medium=self.medium,
            store_id=code.store_id if code else getattr(store, "pk", None),
            guide_id=code.guide_id if code else getattr(guide, "pk", None),
            backup_id=getattr(backup, "pk", None),
            daily_limit=data.get("daily_limit"),
            welcome=data.get("welcome", ""),
            card_title=data.get("card_title", ""),
            card_text=data.get("card_text", ""),
            card_url=data.get("card_url", ""),
            welcome_picture=data.get("kept", ""),
            poster_text=data["poster_text"],
            tag_ids=[tag.pk for tag in data.get("tags", [])],
            shifts=shifts,
        )


class ShiftForm(forms.Form):
    guide = PersonField(label=_("Guide"), required=False)
    weekdays = forms.MultipleChoiceField(
        label=_("Weekdays"), choices=WEEKDAYS, required=False, widget=forms.CheckboxSelectMultiple
    )
    starts = forms.TimeField(
        label=_("From"), required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    ends = forms.TimeField(
        label=_("Until"), required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        _ask_as(self, actor)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("guide") and not (data.get("starts") and data.get("ends")):
            raise ValidationError(_("Give both hours; 00:00 to 00:00 is the whole day."))
        return data

    def shift(self) -> Shift | None:
        data = self.cleaned_data
        if not data.get("guide"):
            return None
        days = tuple(map(int, data["weekdays"])) or tuple(range(1, 8))
        return Shift(data["guide"].pk, days, data["starts"], data["ends"])


EXTRA_SHIFTS = 2
MOST_SHIFTS = 100


def shift_forms(
    data: Any, *, actor: Actor, rows: list[CodeShift] | None = None
) -> "forms.BaseFormSet[ShiftForm]":
    made = forms.formset_factory(ShiftForm, extra=EXTRA_SHIFTS, max_num=MOST_SHIFTS)
    initial = [
        {
            "guide": f"{row.guide.wecom_userid} {row.guide.name}",
            "weekdays": [str(day) for day in row.weekdays],
            "starts": row.starts,
            "ends": row.ends,
        }
        for row in rows or []
    ]
    return made(data, prefix="shift", initial=initial, form_kwargs={"actor": actor})


class BatchForm(CodeForm):
    """The same words for every store of a region."""

    region: forms.ModelChoiceField = forms.ModelChoiceField(
        Region.objects.order_by("code"), label=_("Region"), required=False,
        empty_label=_("whole chain"),
    )  # fmt: skip

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, kind=Kind.STORE, actor=actor, fixed=True, **options)
        del self.fields["backup"]
