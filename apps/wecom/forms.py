"""Admin forms whose secrets are write-only: they go in, they are never shown again."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from apps.core import clock
from apps.core.pii import encrypt
from apps.wecom.crypto import Keys
from apps.wecom.models import CallbackEndpoint, Corp, CorpApp


def _secret(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=help_text or _("Stored encrypted and never shown. Leave empty to keep it."),
    )


class SecretsForm(forms.ModelForm):
    """`SECRETS` maps a form field to the model field that holds it encrypted."""

    SECRETS: Mapping[str, str] = {}
    SET_AT = ""  # the model field that says when a secret was last entered
    REQUIRED: frozenset[str] = frozenset()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in self.REQUIRED:
            if not cleaned.get(name) and not getattr(self.instance, self.SECRETS[name]):
                self.add_error(name, _("This value is needed."))
        return cleaned

    def save(self, commit: bool = True) -> Any:
        for name, column in self.SECRETS.items():
            if value := self.cleaned_data.get(name):
                setattr(self.instance, column, encrypt(value))
                setattr(self.instance, self.SET_AT, clock.now())
        return super().save(commit)


class CorpForm(SecretsForm):
    contact_secret = _secret(_("Contact sync secret"))

    SECRETS = {"contact_secret": "contact_secret_enc"}
    SET_AT = "contact_secret_set_at"

    class Meta:
        model = Corp
        fields = ["corp_id", "name", "is_active"]


class CorpAppForm(SecretsForm):
    secret = _secret(_("App secret"))

    SECRETS = {"secret": "secret_enc"}
    SET_AT = "secret_set_at"
    REQUIRED = frozenset({"secret"})

    class Meta:
        model = CorpApp
        fields = ["corp", "agent_id", "name", "kind"]


class CallbackEndpointForm(SecretsForm):
    token = _secret(_("Token"))
    aes_key = _secret(_("EncodingAESKey"))

    SECRETS = {"token": "token_enc", "aes_key": "aes_key_enc"}
    SET_AT = "keys_set_at"
    REQUIRED = frozenset({"token", "aes_key"})

    class Meta:
        model = CallbackEndpoint
        fields = ["slug", "corp", "app", "receive_id"]

    def clean_aes_key(self) -> str:
        value = self.cleaned_data["aes_key"]
        if value:
            try:
                Keys(token="", aes_key=value, receive_id="").check()
            except ValueError:
                raise forms.ValidationError(_("An EncodingAESKey has 43 characters.")) from None
        return value

    def save(self, commit: bool = True) -> Any:
        """Other keys: what WeCom's last check of the address said counts no more."""
        if any(self.cleaned_data.get(name) for name in self.SECRETS):
            self.instance.verified_at, self.instance.refused_for = None, ""
        return super().save(commit)
