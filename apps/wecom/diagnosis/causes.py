"""What WeCom's answer means, and where in WeCom's own admin it is mended: first of all what keeps
a corp from being connected."""

from django.utils.translation import gettext_lazy as _

from apps.wecom.diagnosis.cause import Cause
from apps.wecom.diagnosis.daily import DAILY

_APPS = _("WeCom admin › App management › your app")
_CONTACTS = _("WeCom admin › Customer contact › Customers › API")
_RANGE = _("WeCom admin › App management › your app › Visible range")
_ENTER_AGAIN = _(
    "WeCom admin › Customer contact › Customers › API › Receive events: enter Token and key as "
    "shown when they were made, or make new keys below and enter both"
)
_PERMISSION = _("WeCom admin › Customer contact › Permissions")

CAUSES: dict[str, Cause] = {
    **DAILY,
    "40001": Cause(
        _("The secret is wrong, was reset, or the app is disabled."),
        _("WeCom admin › App management › your app › Secret; then enter it here again"),
    ),
    "40013": Cause(
        _("WeCom does not know this corp id."),
        _("WeCom admin › My corp › Corp information, at the bottom"),
    ),
    "40014": Cause(
        _("WeCom does not accept the access token."),
        _("Check again in a minute; if it stays, enter the secret anew"),
    ),
    "40091": Cause(_("The secret belongs to another corp or app."), _APPS),
    "40056": Cause(_("There is no app with this agent id."), _APPS),
    "301002": Cause(_("The agent id and the secret belong to different apps."), _APPS),
    "48001": Cause(_("This app may not use this interface."), _CONTACTS),
    "48002": Cause(
        _("The app is not listed as one that may call customer contact."),
        _("WeCom admin › Customer contact › Customers › API › Apps that may call: add the app"),
    ),
    "48006": Cause(_("WeCom withdrew the permission because it was not used for long."), _CONTACTS),
    "50001": Cause(
        _("The page's domain is not the app's trusted domain."),
        _("WeCom admin › App management › your app › Web authorization and JS-SDK"),
    ),
    "50003": Cause(_("The app is disabled."), _APPS),
    "60011": Cause(_("The app may not see this member, department or tag."), _RANGE),
    "60020": Cause(
        _("Calls from this server's address are not allowed."),
        _("WeCom admin › App management › your app › Trusted corp IP; counts after a minute"),
    ),
    "60111": Cause(_("The member does not exist, or the app may not see them."), _RANGE),
    "81013": Cause(_("None of the receivers is in the app's visible range."), _RANGE),
    "84061": Cause(
        _("This member and this customer are not connected (any more)."),
        _("Nothing to mend: the comparison with WeCom ends such friendships"),
    ),
    "84074": Cause(_("The member may not have customers."), _PERMISSION),
    "41054": Cause(
        _("The member has not activated WeCom or is not verified by real name."),
        _("The member: sign in to WeCom once, then Me › real-name verification"),
    ),
    "45009": Cause(
        _("Too many calls. The product waits by itself and goes on."),
        _("Nothing to mend; lower WECOM_LIMIT_PERCENT where other software uses this corp"),
    ),
    "45033": Cause(
        _("Too many calls at the same time. The product waits by itself and goes on."),
        _("Nothing to mend"),
    ),
    "40093": Cause(
        _("WeCom does not accept the signature of the page."),
        _("The address in the browser must begin with PUBLIC_BASE_URL"),
    ),
    "42012": Cause(
        _("WeCom does not accept the ticket of the page."),
        _("Close the page in WeCom and open it again: a new ticket is fetched by itself"),
    ),
    "40031": Cause(
        _("One of the members we asked about is not in WeCom's address book any more."),
        _("Nothing to mend: the others are read without that member, the sync run names who it is"),
    ),
    "40100": Cause(
        _("This customer is being handed over to somebody else already."),
        _("Nothing to mend: WeCom decides within 24 hours, see Handovers"),
    ),
    "40129": Cause(
        _("This customer is being handed over already."),
        _("Nothing to mend: WeCom decides within 24 hours, see Handovers"),
    ),
    "40143": Cause(
        _("WeCom has barred this member's account; nothing can be inherited from it."),
        _("WeCom admin › Contacts: have the account released, then start the handover again"),
    ),
    "41078": Cause(
        _("Too many moments posts are being made at once. The product waits and tries again."),
        _("Nothing to mend; hand out fewer pushes with a post at the same time"),
    ),
    "45029": Cause(
        _("The answer is too large for WeCom. The product asks again in smaller parts."),
        _("Nothing to mend; a narrower visible range makes it quicker"),
    ),
    "-1": Cause(_("WeCom is busy."), _("Check again in a minute")),
    "wecom_unreachable": Cause(
        _("This server cannot reach WeCom."),
        _("Network: the server needs a way out to qyapi.weixin.qq.com, port 443"),
    ),
    "wecom_no_answer": Cause(_("WeCom did not answer."), _("Check again in a minute")),
    "wecom_paused": Cause(
        _("WeCom has not answered for a while; calls rest for a moment."),
        _("Check again in a minute; if it stays, look at the network"),
    ),
    "wecom_rate_limited": Cause(
        _("Our own turn has not come: too many calls of this kind."), _("Check again in a minute")
    ),
    # our own words
    "no_domain": Cause(
        _("The app has no trusted domain."),
        _("WeCom admin › App management › your app › Web authorization and JS-SDK"),
    ),
    "other_domain": Cause(
        _("The app trusts another domain than the one our pages have."),
        _("WeCom admin › App management › your app › Web authorization and JS-SDK"),
    ),
    "closed": Cause(_("The app is disabled."), _APPS),
    "outside": Cause(_("Some of our guides are outside the app's visible range."), _RANGE),
    "no_permission": Cause(
        _("Some of our guides may not have customers, or have not activated WeCom."), _PERMISSION
    ),
    "no_guides": Cause(
        _("No guides are known here yet."),
        _("Switch on a store that has its WeCom department, then compare departments and staff"),
    ),
    "no_url_check": Cause(
        _("WeCom has not checked the callback address yet."),
        _("WeCom admin › Customer contact › Customers › API › Receive events: save the address"),
    ),
    "url_token": Cause(
        _("WeCom asked for the callback address with another Token than ours."),
        _ENTER_AGAIN,
    ),
    "url_aes_key": Cause(
        _("WeCom asked for the callback address with another EncodingAESKey than ours."),
        _ENTER_AGAIN,
    ),
    "url_corp": Cause(
        _("The callback address was entered in another corp than the one connected here."),
        _("Enter it in the WeCom admin of this corp, or connect the other corp here"),
    ),
    "no_members": Cause(
        _("The app may ask, but in WeCom nobody may have customers yet."), _PERMISSION
    ),
    "not_verified": Cause(
        _("The corp is not verified: customer contact stops at a few friends."),
        _("WeCom admin › My corp › Corp information › Verify; it takes some days"),
    ),
    "no_quota": Cause(
        _("The quota of friends is used up, or nearly."),
        _("WeCom admin › Customer contact › Permissions › Quota: ask for more"),
    ),
    "no_event": Cause(
        _("The address was checked, but no event has come yet."),
        _("Add any customer in WeCom; within seconds an event must arrive"),
    ),
    "no_sign_in": Cause(
        _("Nobody has come in through WeCom in the last days."),
        _("Open the link below on a guide's phone inside WeCom"),
    ),
    "invalid_receiver": Cause(_("WeCom does not know this member for the app."), _RANGE),
    "not_confirmed": Cause(
        _("Nobody has looked at this yet."), _("See on the right; then confirm")
    ),
}
UNKNOWN = Cause(
    _("WeCom refused, for a reason that is not in our table."),
    _("open.work.weixin.qq.com/devtool/query shows what the number means"),
)


def cause_of(code: str) -> Cause | None:
    """Nothing for a step that is in order."""
    return CAUSES.get(code, UNKNOWN) if code else None
