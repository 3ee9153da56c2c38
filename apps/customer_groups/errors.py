"""What the room of customer groups says no with."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class GroupsMissing(DomainError):
    code = "groups_missing"
    message = _("Choose one to five living groups of one company.")


class WelcomeTooLong(DomainError):
    code = "welcome_too_long"
    message = _("Shorten the text: WeCom takes 3,000 bytes, about 1,000 Chinese characters.")


class NotInWeCom(DomainError):
    code = "not_in_wecom"
    message = _("Wait until it is in WeCom.")


class NotUnknown(DomainError):
    code = "group_thing_settled"
    message = _("This is settled already.")


class ListNotReadable(DomainError):
    """“Not sent” makes it once more: not without a look at WeCom's list."""

    code = "group_list_not_readable"
    message = _("WeCom's list cannot be read just now. Try again in a moment.")
