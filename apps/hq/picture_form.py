"""A picture in a form, which stays chosen when something else in the form was wrong.

A browser gives up a chosen file when a page comes back with an error. So a good picture is kept at
once, and the form carries its sealed name on.
"""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError
from apps.outreach import attachments
from apps.outreach.attachments import opened, sealed

__all__ = ["PictureForm", "opened", "sealed"]


class PictureForm(forms.Form):
    """`cleaned_data["kept"]` is the picture's file, "" for none."""

    picture = forms.FileField(
        label=_("Picture"),
        required=False,
        widget=forms.FileInput({"accept": "image/jpeg,image/png"}),
    )
    kept = forms.CharField(required=False, widget=forms.HiddenInput)
    no_picture = forms.BooleanField(label=_("Without the picture"), required=False)

    @property
    def has_picture(self) -> bool:
        """One is chosen already: for words beside the field."""
        return bool(self["kept"].value())

    def clean_kept(self) -> str:
        return opened(self.cleaned_data["kept"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        chosen = given.get("picture")
        if chosen is not None:
            try:
                clean = attachments.clean_picture(chosen.read(attachments.MAX_PICTURE_BYTES + 1))
            except DomainError as error:
                self.add_error("picture", str(error))
            else:
                given["kept"] = attachments.keep_file(clean)
        elif given.get("no_picture"):
            given["kept"] = ""
        posted: Any = self.data
        posted = posted.copy()  # as it is, it cannot be changed; the page carries on what was kept
        posted["kept"] = sealed(given.get("kept", ""))
        self.data = posted
        return given
