"""How this room says no."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class WrongNumber(DomainError):
    code = "look_number"
    message = _("A look has %(least)s to %(most)s pieces. Add some or take some away.")


class PieceGone(DomainError):
    code = "look_piece_gone"
    message = _("One of the pieces is not sold any more. Choose again.")


class NumberInLook(DomainError):
    code = "look_personal_number"
    message = _("No phone or ID number here. Everybody with the link reads it.")


class NotPosted(DomainError):
    code = "look_not_posted"
    message = _("You are posted in no store today. Ask your store manager.")
