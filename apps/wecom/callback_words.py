"""Callbacks in the words of head office: which event one tells, and why one had no effect.

WeCom's own words stand where it sends a kind that is news to us.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.wecom.diagnosis.causes import cause_of

FRIEND, GROUP, TAG = "change_external_contact", "change_external_chat", "change_external_tag"
LINK, STAFF = "customer_acquisition", "change_contact"

KINDS: dict[tuple[str, str], str | Promise] = {
    (FRIEND, "add_external_contact"): _("friend added"),
    (FRIEND, "add_half_external_contact"): _("friend added, not confirmed yet"),
    (FRIEND, "edit_external_contact"): _("friend's details changed"),
    (FRIEND, "del_external_contact"): _("guide deleted a friend"),
    (FRIEND, "del_follow_user"): _("customer deleted a guide"),
    (FRIEND, "transfer_fail"): _("handover did not happen"),
    (GROUP, "create"): _("customer group begun"),
    (GROUP, "update"): _("customer group changed"),
    (GROUP, "dismiss"): _("customer group dissolved"),
    (TAG, "create"): _("tag added in WeCom"),
    (TAG, "update"): _("tag changed in WeCom"),
    (TAG, "delete"): _("tag deleted in WeCom"),
    (TAG, "shuffle"): _("tags put in another order in WeCom"),
    (LINK, "balance_low"): _("acquisition links: quota is low"),
    (LINK, "balance_exhausted"): _("acquisition links: quota is used up"),
    (LINK, "balance_increased"): _("acquisition links: quota added"),
    (LINK, "quota_expire_soon"): _("acquisition links: quota ends soon"),
    (LINK, "link_unavailable"): _("acquisition link does not work"),
    (LINK, "delete_link"): _("acquisition link deleted"),
    (LINK, "customer_start_chat"): _("customer wrote by an acquisition link"),
    (STAFF, "create_user"): _("colleague entered in WeCom"),
    (STAFF, "update_user"): _("colleague changed in WeCom"),
    (STAFF, "delete_user"): _("colleague gone from WeCom"),
    (STAFF, "create_party"): _("department made in WeCom"),
    (STAFF, "update_party"): _("department changed in WeCom"),
    (STAFF, "delete_party"): _("department gone from WeCom"),
    ("template_card_event", ""): _("button on a card pressed"),
    ("subscribe", ""): _("colleague may use the app"),
    ("unsubscribe", ""): _("colleague may no longer use the app"),
}

# why one was left (as its handler notes it) or given up (as the inbox writes it), and what to do
REASONS: dict[str, str | Promise] = {
    "gone meanwhile": _("gone meanwhile"),
    "group not known": _("customer group not known here"),
    "guide not known": _("colleague not known here"),
    "has left": _("colleague has left"),
    "has left already": _("colleague has left already"),
    "link not ours": _("link not ours"),
    "no handler": _("not an event we use"),
    "no such group any more": _("the customer group is gone"),
    "not a card of ours": _("not a card of ours"),
    "not a friend any more": _("not a friend any more"),
    "owner not known": _("owner of the group not known here"),
    "still here": _("colleague is still in WeCom"),
    "transfer did not happen": _("handover did not happen"),
    "worker lost": _("handling it ended the worker each time; look at the log"),
    "NotListedYet not_listed_yet": _("WeCom has not shown this friend; read it again"),
    "NoAnswer wecom_no_answer": _("WeCom gave no answer; read it again later"),
    "Unreachable wecom_unreachable": _("WeCom could not be reached; read it again"),
    "CorpNotConfigured wecom_not_configured": _("the corp is not connected: mend that"),
}


def reason_words(reason: str) -> str:
    """What a kept reason means, and of WeCom's own numbers where it is mended; nothing for an error
    without words of ours."""
    if reason in REASONS:
        return str(REASONS[reason])
    number = reason.partition(" ")[2]
    cause = cause_of(number) if number.removeprefix("-").isdecimal() else None
    return f"{cause.what} {cause.where}" if cause is not None else ""


def event_words(event: str, change_type: str) -> str:
    """Which event it is."""
    return str(KINDS.get((event, change_type)) or f"{event} {change_type}".strip())
