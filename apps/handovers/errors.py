"""How a handover says no, and what to do then."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class NotYourHandover(DomainError):
    code = "handover_not_yours"
    message = _("Only the store's manager or head office hands customers over.")


class NothingToHandOver(DomainError):
    code = "handover_empty"
    message = _("%(name)s has no customers in this store any more.")


class NoSuccessor(DomainError):
    code = "handover_nobody"
    message = _("Nobody works in %(store)s today who could take over. Choose another store.")


class NotASuccessor(DomainError):
    code = "handover_not_a_successor"
    message = _("%(name)s does not work in the receiving store. Choose somebody who does.")


class InAnotherCorp(DomainError):
    code = "handover_another_corp"
    message = _(
        "%(name)s is in another company's WeCom, which takes over no customers of this one. "
        "Choose somebody else."
    )


class StillWorksHere(DomainError):
    code = "handover_still_here"
    message = _("%(name)s still works here and stays TA's friend. Try another successor.")


class HandoverBegun(DomainError):
    code = "handover_begun"
    message = _("This handover has begun already. Open the page again.")


class NotWaitingForApproval(DomainError):
    code = "handover_not_waiting"
    message = _("This handover waits for nobody's approval any more.")


class DecisionNeedsAWord(DomainError):
    code = "handover_word"
    message = _("Say in a word why not, so that the store can plan anew.")


class NothingToTryAgain(DomainError):
    code = "handover_nothing_left"
    message = _("These customers cannot be tried once more. Open the page again.")


class HandedOverMeanwhile(DomainError):
    code = "handover_meanwhile"
    message = _(
        "Somebody else is handing over the same groups just now. Open the page again in a moment."
    )


class UnknownClaimReason(DomainError):
    code = "claim_reason"
    message = _("Choose one of the reasons on the page.")


class AlreadyYours(DomainError):
    code = "claim_already_yours"
    message = _("You are TA's serving guide already.")


class ClaimIdTaken(DomainError):
    code = "claim_id_taken"
    message = _("This request belongs to somebody else. Open the page again.")


class TooManyClaims(DomainError):
    code = "claim_too_many"
    message = _(
        "%(n)s of your requests wait for an answer: no more until one of them has it. "
        "You can take one back."
    )


class NotYoursToDecide(DomainError):
    code = "claim_not_yours"
    message = _("Somebody above both guides decides this. Ask the regional manager or head office.")


class ClaimantGone(DomainError):
    code = "claim_guide_gone"
    message = _("%(name)s does not work in %(store)s any more: refuse the request.")


class ServedByAnother(DomainError):
    code = "claim_served_by_another"
    message = _(
        "Since it was asked, %(name)s has become TA's guide: refuse, and let it be asked anew."
    )


class AcceptedByWhoReceived(DomainError):
    code = "reassignment_not_yours"
    message = _("These customers were given to a colleague, who answers.")


class ReassignmentMoved(DomainError):
    code = "reassignment_moved"
    message = _("This was answered or is over meanwhile. Open the page again to read how it is.")


class NobodyElseLeads(DomainError):
    code = "reassignment_nobody_leads"
    message = _("Nobody else leads your store today. Give them to a colleague yourself.")


class CoverIsDuty(DomainError):
    code = "reassignment_cover"
    message = _("A cover is changed in the duty plan: end it there and choose somebody else.")


class WordsMissing(DomainError):
    code = "reassignment_words"
    message = _("Write in a sentence what is wrong, or what you answer.")


class NumberInWords(DomainError):
    code = "reassignment_number"
    message = _("No phone or ID number here. Take it out.")
