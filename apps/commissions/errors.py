"""How commission says no, and what to do then."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class MonthNotOver(DomainError):
    code = "commission_month_open"
    message = _("Returns may still come in: close this month from %(day)s on.")


class EarlierMonthOpen(DomainError):
    code = "commission_earlier_month"
    message = _("Close %(month)s first: months are closed one after the other.")


class MonthNotCounted(DomainError):
    code = "commission_not_counted"
    message = _("Orders are still being counted. Try again in some minutes.")


class NothingToClose(DomainError):
    code = "commission_nothing"
    message = _("There is no commission in this month.")


class AskedAlready(DomainError):
    code = "commission_asked"
    message = _("You have asked about this already. Head office will answer.")


class WordsMissing(DomainError):
    code = "commission_words"
    message = _("Say it in a few words.")


class AnsweredAlready(DomainError):
    code = "commission_answered"
    message = _("This question has been answered already. Open the page again to read how.")
