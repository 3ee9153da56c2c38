"""How this room says no, and what WeCom's refusals of a code mean."""

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class CorpsMixed(DomainError):
    code = "corps_mixed"
    message = _("These guides and the store are in several WeCom corps. One code belongs to one.")


class CodeIncomplete(DomainError):
    code = "code_incomplete"
    message = _("Choose who receives the customers: a guide, a store, or guides with their hours.")


class TooManyGuides(DomainError):
    code = "too_many_guides"
    message = _("WeCom takes at most 100 people into one code. Make two codes.")


class OneCodeAlready(DomainError):
    code = "one_code_already"
    message = _("This store has a code of this channel already. Change that one or stop it first.")


class CodeStopped(DomainError):
    code = "code_stopped"
    message = _("This code is stopped. Make a new one.")


class NoSuchLink(DomainError):
    code = "no_such_link"
    message = _("A link leads to one guide, one store or several guides.")


class CardIncomplete(DomainError):
    code = "card_incomplete"
    message = _("A card needs a title and an address that begins with https://.")


class CardTooLong(DomainError):
    code = "card_too_long"
    message = _("WeCom takes a title of 128 bytes and a text of 512, about 42 and 170 characters.")


class WelcomeTooLong(DomainError):
    code = "welcome_too_long"
    message = _("WeCom takes at most 4,000 bytes of welcome, about 1,300 Chinese characters.")


# what WeCom says about one of the people, not about the code
OF_PERSON = frozenset({40003, 40098, 41054, 46004, 60111, 84074, 84083})
GONE = 41044  # no such code in WeCom (any more); we say it of a link too
UNKNOWN_LINK = 40058  # what WeCom says about a link that is not there, and about much else
BROKEN = -2  # ours: WeCom's event `link_unavailable` carries no number

EXPLAINED: dict[int, Promise] = {
    40003: _("WeCom does not know this user id. Compare the address book under Sync runs."),
    40098: _("The guide is not real-name verified. The guide verifies in WeCom › Me › Settings."),
    41041: _("More than 100 people. Split the code."),
    41044: _("The code was deleted in WeCom. It is made again; posters stay valid."),
    41045: _("WeCom keeps no more codes for this corp (500,000). Stop old ones."),
    41054: _("The guide has never signed in to WeCom. Ask the guide to sign in once."),
    46004: _("WeCom does not know this user id. Compare the address book under Sync runs."),
    48002: _("The app may not use customer contact. See WeCom admin › Customer contact › API."),
    60011: _("The app does not see this guide. Widen its visible range in WeCom's admin."),
    60111: _("The app does not see this guide. Widen its visible range in WeCom's admin."),
    84074: _("The guide has no right to customer contact. Add them in WeCom's admin."),
    84083: _("The guide is no service staff. Add them in WeCom's admin."),
}

OF_LINKS: dict[int, Promise] = {
    40058: _("WeCom does not take this link. Compare its people under Sync runs."),
    GONE: _("The link was deleted in WeCom. Its address is a new one: replace it in your ads."),
    41095: _("WeCom keeps no more links for this app. Stop old ones."),
    48002: _("The app may not use acquisition links. See WeCom admin › Acquisition assistant."),
    BROKEN: _("WeCom says that this link does not work. Look at it in WeCom's admin."),
}


def explained(errcode: int | None, *, link: bool = False) -> str:
    """WeCom's number in words that say what to do; "" for one we have no words for."""
    number = errcode or 0
    words = (OF_LINKS.get(number) if link else None) or EXPLAINED.get(number)
    if words and number < 0:
        return str(words)
    return gettext("%(words)s (%(number)s)") % {"words": words, "number": errcode} if words else ""
