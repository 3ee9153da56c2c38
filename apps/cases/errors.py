"""How a case says no, and what to do then."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class WordsMissing(DomainError):
    code = "case_words"
    message = _("Write in a sentence what it is about.")


class NumberInWords(DomainError):
    code = "case_number"
    message = _("No phone or ID number here: the case knows its customer. Take it out.")


class WorksNowhere(DomainError):
    code = "case_no_store"
    message = _("You work in no store today, so no manager could take it up.")


class CaseTaken(DomainError):
    code = "case_taken"
    message = _("This complaint belongs to somebody else. Open the page again.")


class CaseMoved(DomainError):
    code = "case_moved"
    message = _("Somebody was quicker. Open the page again to read how it stands.")


class ResultMissing(DomainError):
    code = "case_result"
    message = _("Choose what came of it.")


class NotYoursToSettle(DomainError):
    code = "case_not_yours"
    message = _("The store's manager or head office settles complaints.")


class WithHeadOffice(DomainError):
    code = "case_with_hq"
    message = _("Head office has this complaint in hand and closes it.")


class AboutYourself(DomainError):
    code = "case_about_yourself"
    message = _("It is about how you served TA: somebody else closes it.")


class PhotosEnough(DomainError):
    code = "case_photos"
    message = _("A complaint has at most %(most)s photos. Choose fewer.")


class NotYourPhoto(DomainError):
    code = "case_not_your_photo"
    message = _("Who added this photo takes it back, or who settles the complaint.")


class PhotoStays(DomainError):
    code = "case_photo_stays"
    message = _("The complaint is closed: its photos stay as they were decided on.")


class ClosedForPhotos(DomainError):
    code = "case_closed_for_photos"
    message = _("The complaint is closed. Your manager can open it again, then add the photo.")
