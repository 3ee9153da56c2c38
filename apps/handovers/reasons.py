"""Why a customer could not be handed over, in words: WeCom's numbers and our own."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

NOBODY = "nobody"
NO_ROOM = "no_room"
TWICE = "twice_in_90_days"
LONG_GONE = "left_over_a_year"
NO_RECORD = "no_record"
NO_RESULT = "no_result"
NOT_TAKING = "successor_gone"
NOT_A_FRIEND = "not_a_friend"
DISSOLVED = "dissolved"
OTHER_OWNER = "other_owner"

_WORDS = {
    NOBODY: gettext_lazy("nobody in the store could take TA over"),
    NO_ROOM: gettext_lazy("every colleague's friend list is full"),
    TWICE: gettext_lazy("TA was handed over twice in 90 days; WeCom allows no third time yet"),
    LONG_GONE: gettext_lazy("left more than a year ago; WeCom hands over for one year only"),
    NO_RECORD: gettext_lazy("WeCom has no record of it"),
    NO_RESULT: gettext_lazy("WeCom has given no result for a week"),
    NOT_TAKING: gettext_lazy("the successor has left meanwhile"),
    NOT_A_FRIEND: gettext_lazy("is no WeCom friend; only the serving guide changes"),
    "40096": gettext_lazy("WeCom does not know this customer here"),
    "40097": gettext_lazy("WeCom still lists the leaver; delete the account there first"),
    "40098": gettext_lazy("the successor has not verified their real name in WeCom"),
    "40099": gettext_lazy("the successor's friend list is full"),
    "40100": gettext_lazy("TA is being handed over already"),
    "40128": gettext_lazy("TA was handed over twice in 90 days; WeCom allows no third time yet"),
    "40129": gettext_lazy("TA is being handed over already"),
    "40130": gettext_lazy("giving and receiving guide are the same"),
    "40131": gettext_lazy("TA is no friend of the leaver any more"),
    "40143": gettext_lazy("WeCom has barred the leaver's account; nothing can be inherited"),
    "40205": gettext_lazy("the successor has not signed in to WeCom for a year"),
    "41054": gettext_lazy("the successor has not activated WeCom yet"),
    "60111": gettext_lazy("WeCom does not show us one of the two; look at the visible range"),
    "84061": gettext_lazy("TA has deleted the leaver; add TA again in the store"),
    "84074": gettext_lazy("the successor may not have customers in WeCom; allow it there"),
}

# of groups; what is not here says the same of a group as of a customer
_GROUP_WORDS = {
    NOBODY: gettext_lazy("nobody in the store could own the group"),
    TWICE: gettext_lazy("it changed owners twice in 90 days; WeCom allows no third time yet"),
    NO_RESULT: gettext_lazy("WeCom still shows the old owner; try once more"),
    DISSOLVED: gettext_lazy("the group is dissolved, or WeCom does not show it to us any more"),
    OTHER_OWNER: gettext_lazy("the group has another owner by now"),
    "40003": gettext_lazy("WeCom does not show us the new owner; look at the visible range"),
    "40128": gettext_lazy("it changed owners twice in 90 days; WeCom allows no third time yet"),
    "86003": gettext_lazy("WeCom does not show us its owner; look at the visible range"),
    "90500": gettext_lazy("WeCom still lists the leaver; delete the account there first"),
    "90501": gettext_lazy("the group is dissolved, or WeCom does not show it to us any more"),
}

KNOWN = frozenset(word for word in _WORDS if word.isdigit())

KNOWN_OF_GROUPS = KNOWN | {word for word in _GROUP_WORDS if word.isdigit()}

# the group is being handed over, or was: looking at it tells
GROUP_UNDER_WAY = frozenset({"90507", "90508"})
# the customer is on the way already, by whomever it was asked: WeCom's list tells how it ends
UNDER_WAY = frozenset({40100, 40129})
# nothing is wrong with the customer: somebody else can take over
OTHER_SUCCESSOR = frozenset({40098, 40099, 40205, 41054, 84074})
FULL_ERRCODE = 40099


def sentence(reason: str) -> str:
    """The stored reason as people read it; empty for none."""
    if not reason:
        return ""
    if reason in _WORDS:
        return str(_WORDS[reason])
    return _refused(reason)


def group_sentence(reason: str) -> str:
    """The same for a group."""
    words = _GROUP_WORDS.get(reason) or _WORDS.get(reason)
    return str(words) if words else _refused(reason) if reason else ""


def _refused(reason: str) -> str:
    return _("WeCom refused (%(number)s)") % {"number": reason}
