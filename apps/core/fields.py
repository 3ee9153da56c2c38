"""Fields of forms that every room may use."""

from typing import Any

from django import forms


class LinesField(forms.CharField):
    """Words of several lines. A browser counts the end of a line as one sign and sends two: what
    fits where it was typed fits here, and nobody's phone gets the second sign."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text
