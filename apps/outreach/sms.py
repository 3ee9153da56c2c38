"""The SMS contract: what a provider must do, and which one the settings name.

A provider takes one message and answers with its own number for it. It keeps `key`: the same key
again is the same message. One that cannot may send a code twice after a crash, which harms nobody.
"""

from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class SmsError(DomainError):
    """A message did not go out. `retryable`: the same message may go later."""

    code = "sms_error"
    message = _("The SMS service did not take the message.")
    retryable = False
    outcome_unknown = False  # a message that comes twice harms nobody


class SmsUnreachable(SmsError):
    code = "sms_unreachable"
    message = _("The SMS service does not answer.")
    retryable = True


class NoSmsProvider(SmsError):
    """Nobody has connected an SMS service."""

    code = "no_sms_provider"
    message = _("No SMS service is connected yet.")


class SmsSender(Protocol):
    """One message out. Raises SmsError."""

    def send(self, *, phone: str, text: str, key: str) -> str: ...


def is_connected() -> bool:
    return bool(settings.SMS_SENDER)


def sender() -> SmsSender:
    """The provider that SMS_SENDER names. Raises NoSmsProvider."""
    if not settings.SMS_SENDER:
        raise NoSmsProvider
    return cast(SmsSender, import_string(settings.SMS_SENDER)())
