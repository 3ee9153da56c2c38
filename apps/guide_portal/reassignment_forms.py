"""What a guide answers when customers come, and what the manager says to it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.core.fields import LinesField
from apps.guide_portal.forms import ActForm

WORDS = 200


class QuestionForm(ActForm):
    words = LinesField(max_length=WORDS)


class SettleForm(ActForm):
    """A word and they stay, or a colleague who takes them; then the word may be left out."""

    act = forms.ChoiceField(choices=[("stay", ""), ("give", "")])
    word = LinesField(max_length=WORDS, required=False)
    to = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("act") == "give" and not cleaned.get("to"):
            raise forms.ValidationError(_("Choose a colleague."))
        if cleaned.get("act") == "stay" and not cleaned.get("word"):
            raise forms.ValidationError(_("Write in a sentence what is wrong, or what you answer."))
        return cleaned
