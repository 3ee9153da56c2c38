"""Connecting a corp. The secret goes in and is never shown again."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


def _text(label: Any, **kwargs: Any) -> forms.CharField:
    return forms.CharField(label=label, strip=True, **kwargs)


class ConnectForm(forms.Form):
    corp_name = _text(_("corp name"), max_length=100)
    corp_id = forms.RegexField(
        r"^w[wx][0-9A-Za-z_-]{4,62}$",
        label=_("corp id"),
        strip=True,
        error_messages={"invalid": _("A corp id begins with ww.")},
    )
    agent_id = forms.IntegerField(label=_("agent id"), min_value=1)
    secret = _text(
        _("App secret"),
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
