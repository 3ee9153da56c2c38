"""How a case says no, and what to do then."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class CaseDecided(DomainError):
    code = "risk_decided"
    message = _("This case has been decided already. Open the page again to read how.")


class CaseNeedsAWord(DomainError):
    code = "risk_word"
    message = _("Say in a sentence what you found, so that others can follow it.")
