"""How this room says no."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class CorrectedMeanwhile(DomainError):
    code = "news_corrected"
    message = _("Head office has corrected this piece. Read it once more, then tap again.")


class RemindedToday(DomainError):
    code = "news_reminded_today"
    message = _("Reminded today already. Tomorrow you can do it again.")


class NothingToRemind(DomainError):
    code = "news_nothing_to_remind"
    message = _("Only a must-read piece that is shown now can be reminded of.")
