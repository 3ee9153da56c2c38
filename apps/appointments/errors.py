"""How this room says no."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class TimeImpossible(DomainError):
    code = "appointment_time"
    message = _("Choose a time from now on within %(days)s days, on a quarter of an hour.")


class OutOfHours(DomainError):
    code = "appointment_hours"
    message = _("Choose a time between %(first)s and %(last)s.")


class StoreShut(DomainError):
    code = "appointment_store_shut"
    message = _("The store is closed on %(day)s. Choose another day.")


class GuideAway(DomainError):
    code = "appointment_guide_away"
    message = _("You are off duty on %(day)s. Choose another day.")


class NotPosted(DomainError):
    code = "appointment_not_posted"
    message = _("You work in no store on %(day)s. Choose another day.")


class HourTaken(DomainError):
    code = "appointment_hour_taken"
    message = _("TA has an appointment with you in this hour already.")


class NumberInNote(DomainError):
    code = "appointment_number"
    message = _("No phone or ID number here. Write what to prepare.")


class AppointmentTaken(DomainError):
    code = "appointment_taken"
    message = _("This appointment belongs to somebody else. Open the page again.")


class AppointmentOver(DomainError):
    code = "appointment_over"
    message = _("This appointment has its result already. Open the page again.")


class TooEarly(DomainError):
    code = "appointment_early"
    message = _("It is not time yet. You can say so from its hour on.")


class NotItsDay(TooEarly):
    message = _("Its day has not come yet. You can note the visit on that day.")


class ReasonMissing(DomainError):
    code = "appointment_reason"
    message = _("Choose one of the reasons on the page.")


class TooLateToCancel(DomainError):
    code = "appointment_late"
    message = _("The time has come already. Call the store if you cannot come.")
