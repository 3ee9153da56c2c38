"""Rules as sentences with numbers in them: each trigger says in one line when and whom.

A form checks shape and limits; the rule's own service decides.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.guide_tasks.models import Grade, TaskRule
from apps.guide_tasks.services.rules.settings import LIMITS, editable, label_of
from apps.outreach.models import MessageTemplate

Key = TaskRule.Key
_PLACE = re.compile(r"\[(\w+)\]")
Choices = Sequence[tuple[int, str]]

# the numbers in brackets become fields
_SENTENCES: dict[str, Any] = {
    Key.FOLLOW_UP: gettext_lazy(
        "Delivered, and no order for as many days as the push says: ask once more, "
        "within [due_days] days."
    ),
    Key.CARE: gettext_lazy(
        "[delay_days] days after the purchase: ask how it goes, within [due_days] days. "
        "What came back entirely is left out."
    ),
    Key.CASE_CLOSED: gettext_lazy(
        "[delay_days] days after a complaint was closed: ask how it is now, within [due_days] "
        "days. While one is open, only first words to new friends and members are made for TA."
    ),
    Key.GREETING: gettext_lazy(
        "A new WeCom friend, the same day or within [due_days] days. "
        "Who was written to since is left out."
    ),
    Key.WELCOME: gettext_lazy(
        "A friend who has just become a member, the same day or within [due_days] days. "
        "New friends are greeted as such."
    ),
    Key.LEAD: gettext_lazy(
        "[delay_days] days after the friendship or the enrolment without any order, "
        "within [due_days] days. Once for each member."
    ),
    Key.REVISIT: gettext_lazy(
        "[delay_days] days after a visit without a purchase, within [due_days] days. "
        "Who was written to since is left out."
    ),
    Key.APPOINTMENT: gettext_lazy(
        "[lead_days] days before an appointment, until its hour; what was booked on that day "
        "itself needs no reminder. Cancelled → not applicable."
    ),
    Key.THANKS: gettext_lazy(
        "[delay_days] days after an appointment was kept, within [due_days] days. "
        "Who was written to since is left out."
    ),
    Key.BIRTHDAY: gettext_lazy(
        "[lead_days] days before the birthday, until the day itself. "
        "Only with consent to birthday greetings."
    ),
    Key.POINTS: gettext_lazy(
        "[lead_days] days before points end, from [least_points] points on, until that day; once "
        "for each such day. Not when contacted in the last [skip_days] days; used or bought "
        "meanwhile → not applicable."
    ),
    Key.COUPONS: gettext_lazy(
        "[lead_days] days before a coupon ends, until that day; once for each such day. Not when "
        "contacted in the last [skip_days] days; used or bought meanwhile → not applicable."
    ),
    Key.REPURCHASE: gettext_lazy(
        "[lead_days] days before the day on which TA usually is back, within [due_days] days. "
        "Not when contacted in the last [skip_days] days; bought meanwhile → not applicable."
    ),
    Key.SILENT: gettext_lazy(
        "On the day TA becomes silent, the dearest first, within [due_days] days. Not when "
        "contacted in the last [skip_days] days, nor before TA's own rhythm says so."
    ),
    Key.NEW_GOODS: gettext_lazy(
        "A new style in the category TA buys most, or one that was sold out and is back: within "
        "[due_days] days, at most once a week. TA's size has to lie in TA's store; where a store "
        "tells no stock, new styles made in that size. Not when contacted in the last [skip_days] "
        "days. New is what the catalogue did not know when the rule was switched on."
    ),
}


@dataclass(frozen=True)
class Part:
    """A piece of a sentence: words, or a number to fill in."""

    words: str = ""
    field: Any = None


def template_choices() -> Choices:
    """The scripts a rule may use, read once for the whole page."""
    found = MessageTemplate.objects.filter(is_active=True).order_by("name")
    return list(found.values_list("pk", "name"))


class _Number(forms.IntegerField):
    def __init__(self, name: str, *, required: bool = True) -> None:
        least, most = LIMITS[name]
        label = label_of(name)
        widget = forms.NumberInput({"class": "hq-num", "aria-label": label})
        super().__init__(
            label=label, min_value=least, max_value=most, required=required, widget=widget
        )


class _WithScript(forms.Form):
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=40,
        widget=forms.TextInput({"class": "hq-in", "aria-label": gettext_lazy("Title")}),
    )
    template = forms.TypedChoiceField(
        label=gettext_lazy("Script"),
        coerce=int,
        widget=forms.Select({"class": "hq-select", "aria-label": gettext_lazy("Script")}),
    )

    def _offer(self, choices: Choices, chosen: MessageTemplate | None = None) -> None:
        offered = list(choices)
        if chosen is not None and chosen.pk not in dict(offered):
            offered.insert(0, (chosen.pk, chosen.name))
        cast(forms.TypedChoiceField, self.fields["template"]).choices = offered


class RuleForm(_WithScript):
    """One rule on the page that shows them all."""

    def __init__(self, data: Any, *, rule: TaskRule, choices: Choices) -> None:
        names = editable(rule)
        initial = {name: getattr(rule, name) for name in names}
        initial["template"] = initial.pop("template_id")
        super().__init__(data, prefix=f"rule{rule.pk}", initial=initial)
        self.rule = rule
        self._offer(choices, rule.template)
        self.fields["is_active"] = forms.BooleanField(
            required=False,
            widget=forms.CheckboxInput({"class": "sw", "aria-label": _("On")}),
        )
        self.fields["required_grade"] = forms.TypedChoiceField(
            label=_("Counts as done at"),
            coerce=int,
            choices=[(grade.value, grade.label) for grade in (Grade.DELIVERED, Grade.INITIATED)],
            widget=forms.Select({"class": "hq-select", "aria-label": _("Counts as done at")}),
        )
        for name in names:
            if name in LIMITS:
                self.fields[name] = _Number(name, required=name != "daily_cap")

    @property
    def sentence(self) -> list[Part]:
        """The trigger's sentence, with fields where it has numbers."""
        pieces = _PLACE.split(str(_SENTENCES[self.rule.key]))
        return [
            Part(field=self[piece]) if place % 2 else Part(words=piece)
            for place, piece in enumerate(pieces)
            if piece
        ]

    @property
    def problems(self) -> list[str]:
        """What is wrong, each with the field it is about."""
        return [
            _("%(field)s: %(error)s") % {"field": self.fields[name].label, "error": error}
            for name, errors in self.errors.items()
            for error in errors
        ]

    def changes(self) -> dict[str, Any]:
        """What is to be changed, as the rule's service takes it."""
        return {
            ("template_id" if name == "template" else name): self.cleaned_data[name]
            for name in self.changed_data
        }


class CareStepForm(_WithScript):
    """One more step of care."""

    category = forms.CharField(
        label=gettext_lazy("Category"),
        max_length=40,
        required=False,
        widget=forms.TextInput({"class": "hq-in", "list": "categories"}),
    )

    def __init__(self, data: Any, *, choices: Choices) -> None:
        super().__init__(data, prefix="step", initial={"due_days": 1, "minutes": 2})
        self._offer(choices)
        self.fields["delay_days"] = _Number("delay_days")
        self.fields["due_days"] = _Number("due_days")
        self.fields["daily_cap"] = _Number("daily_cap", required=False)
        self.fields["minutes"] = _Number("minutes")


def forms_of(rules: Iterable[TaskRule], *, data: Any, choices: Choices) -> list[RuleForm]:
    return [RuleForm(data, rule=rule, choices=choices) for rule in rules]
