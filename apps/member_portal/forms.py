"""What customers send. Numbers and codes travel in bodies, never in addresses."""

from typing import Any

from django import forms

from apps.core import pii
from apps.member_portal.texts import Text


class PhoneForm(forms.Form):
    phone = forms.CharField(max_length=24)

    def clean_phone(self) -> str:
        """In E.164, as it is keyed."""
        try:
            return pii.normalise_phone(self.cleaned_data["phone"])
        except pii.InvalidPhone as error:
            raise forms.ValidationError(str(error)) from error


def box(text: Text) -> str:
    """What a ticked box sends: purpose and version, so that a consent names its words."""
    return f"{text.purpose}@{text.version}"


class JoinForm(PhoneForm):
    client_id = forms.UUIDField()

    def __init__(self, *args: Any, texts: list[Text], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["consent"] = forms.MultipleChoiceField(
            choices=[(box(text), text.title) for text in texts], required=False
        )

    def given(self) -> list[tuple[str, str]]:
        """(purpose, version) of what was ticked."""
        pairs = (value.partition("@") for value in self.cleaned_data["consent"])
        return [(purpose, version) for purpose, _at, version in pairs]


class CodeForm(forms.Form):
    code = forms.RegexField(r"^\s*\d{6}\s*$")


class PurposeForm(forms.Form):
    purpose = forms.CharField(max_length=20)


class ActForm(forms.Form):
    client_id = forms.UUIDField()


class FindForm(forms.Form):
    words = forms.CharField(max_length=20)
