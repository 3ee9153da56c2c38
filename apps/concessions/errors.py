"""How a concession says no, and what to do then."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class WishIncomplete(DomainError):
    code = "concession_incomplete"
    message = _(
        "Choose a reason; a late return needs its purchase, a discount a percentage from 1 to 90."
    )


class OrderOfOthers(DomainError):
    code = "concession_order"
    message = _("This purchase is not TA's, or has come back already. Choose another.")


class AskedForAlready(DomainError):
    code = "concession_asked_already"
    message = _("The same is asked for TA already and waits for an answer. Take it back first.")


class ConcessionOfOthers(DomainError):
    code = "concession_of_others"
    message = _("This request belongs to somebody else. Open the page again.")


class AboveYourLimit(DomainError):
    code = "concession_above_limit"
    message = _("This is beyond what you may grant: the regional manager or head office decides.")
