"""What WeCom's refusals mean once a corp is connected: of one call, one customer, one message."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from apps.wecom.diagnosis.cause import Cause

_NOTHING = _("Nothing to mend")
_AGAIN = _("Nothing to mend: the product tries again by itself")
_DONE_ANYWAY = _("Nothing to mend: the product goes by what WeCom has")
_RANGE = _("WeCom admin › App management › your app › Visible range")


def _all(codes: Iterable[int], cause: Cause) -> dict[str, Cause]:
    return {str(code): cause for code in codes}


_TALK = {
    **_all(
        # what was asked is missing, too long, too many or of another kind than WeCom's manual says
        (
            *(40008, 40032, 40035, 40058, 40063, 40066, 40206, 44004, 82001, 82002, 82003, 91040),
            *(41001, 41002, 41004, 41035, 41037, 41038, 41039, 41040, 41042, 41043, 41046, 41049),
            *(41059, 41088, 41089, 42014, 42018, 42019, 42020),
        ),
        Cause(
            _("WeCom does not take what the product asked in this form."),
            _("A fault of the product, not of a setting: report the number and the trace number"),
        ),
    ),
    "42001": Cause(
        _("The access token has run out."),
        _("Nothing to mend: the product fetches a new one and asks again"),
    ),
    "48005": Cause(
        _("WeCom has given up this interface."),
        _("The product needs an update: report the number"),
    ),
    "48009": Cause(
        _("This address may not read the address book with the secret of contact sync."),
        _("WeCom admin › Management tools › Contact sync: enter this server's address"),
    ),
    "6000": Cause(_("Somebody else changed the same thing in WeCom at this moment."), _AGAIN),
    "81017": Cause(
        _("The visible range is too large to be asked about at once."),
        _("Nothing to mend: the product asks in smaller parts"),
    ),
    **_all(
        (40201, 40204),
        Cause(
            _("WeCom holds this to be spam."),
            _("Write it differently, and to fewer customers at a time; WeCom lets go by itself"),
        ),
    ),
}

_PEOPLE = {
    **_all(
        (40003, 46004, 50002),
        Cause(_("The member does not exist, or the app may not see them."), _RANGE),
    ),
    **_all(
        (60003, 60123), Cause(_("WeCom has no such department, or the app may not see it."), _RANGE)
    ),
    **_all(
        (84083, 84084),
        Cause(
            _("The member does not serve customers, or not this one."),
            _("WeCom admin › Customer contact › Permissions: add the member"),
        ),
    ),
    "40098": Cause(
        _("The member has not activated WeCom or is not verified by real name."),
        _("The member: sign in to WeCom once, then Me › real-name verification"),
    ),
    "43004": Cause(
        _("The member has not connected WeChat with WeCom."),
        _("The member: sign in to WeCom with WeChat once"),
    ),
    **_all(
        (40096, 41056),
        Cause(
            _("The app does not know this customer: another corp's, or of members it may not see."),
            _RANGE,
        ),
    ),
    "41053": Cause(
        _("The customer has not agreed to chats being archived."),
        _("Nothing to mend: TA has to agree first"),
    ),
    "41057": Cause(
        _("No WeChat developer account is connected, so customers come without a union id."),
        _("WeCom admin › Customer contact › Customers › API: connect the account"),
    ),
}

_SIGNING_IN = {
    **_all(
        (40029, 42003, 42022),
        Cause(
            _("The sign-in was used already, or is more than five minutes old."),
            _("Nothing to mend: open the page in WeCom once more"),
        ),
    ),
    **_all(
        (84014, 84015),
        Cause(
            _("The member's agreement is over or is not ours."),
            _("Nothing to mend: open the page in WeCom once more"),
        ),
    ),
    "85005": Cause(
        _("Nobody has proven that the trusted domain is yours, so pages in the chat do not work."),
        _("WeCom admin › App management › your app › Web authorization and JS-SDK: prove it"),
    ),
}

_SENDING = {
    "41048": Cause(_("WeCom found nobody it could send this to."), _DONE_ANYWAY),
    "41047": Cause(_("WeCom does not know this mass send."), _DONE_ANYWAY),
    **_all((41063, 41079), Cause(_("WeCom is still handing it out to the members."), _AGAIN)),
    "41093": Cause(_("The mass send was called off already."), _NOTHING),
    "41094": Cause(
        _("Members were reminded of this three times within 24 hours."),
        _("Nothing to mend: remind again tomorrow"),
    ),
    "41050": Cause(
        _("The welcome came more than 20 seconds after the customer."),
        _("Health page: are the workers of the queue “urgent” running?"),
    ),
    "41051": Cause(
        _("The customer was welcomed already, or the chat has begun."),
        _("WeCom admin › Customer contact › Welcome: leave one welcome for each member"),
    ),
    "41096": Cause(_("Another app's welcome is on its way."), _AGAIN),
    **_all(
        (41060, 41061, 41062),
        Cause(_("The post is gone, another member's, or not published."), _DONE_ANYWAY),
    ),
    "40007": Cause(
        _("WeCom does not have this picture or file, or not for this use."),
        _("Nothing to mend: it is brought to WeCom anew; if it stays, choose the picture again"),
    ),
    **_all(
        (44001, 45001, 41080, 41081),
        Cause(
            _("The picture or file is empty, or larger than WeCom takes."),
            _("Choose another one: pictures and films up to 10 MB, files up to 20 MB"),
        ),
    ),
    "41082": Cause(_("The film is longer than 30 seconds."), _("Choose a shorter one")),
    **_all(
        (41064, 41065, 41072),
        Cause(
            _("WeCom does not take these attachments together, or not here."),
            _("Nine at most; in a post pictures, or one film, or one link"),
        ),
    ),
    "45002": Cause(_("The text is too long for WeCom."), _("Shorten it")),
    "43012": Cause(
        _("The app has no callback address, so it may not send cards with buttons."),
        _("WeCom admin › App management › your app › Receive messages: set the API address"),
    ),
    **_all((60140, 42015), Cause(_("This card was answered or changed already."), _NOTHING)),
    "42052": Cause(_("A message may be taken back for 24 hours only."), _NOTHING),
}

_TAGS_AND_CODES = {
    "40068": Cause(_("WeCom does not have this tag any more."), _DONE_ANYWAY),
    "40071": Cause(_("WeCom has a tag of this name already."), _DONE_ANYWAY),
    "40072": Cause(
        _("The name of a tag or of its group is empty or longer than 30 characters."),
        _("Tags: give it a shorter name"),
    ),
    "40126": Cause(
        _("WeCom takes 3,000 tags and has as many."), _("Tags: delete what nobody uses")
    ),
    "81011": Cause(
        _("This tag was made by another app or in WeCom's admin; our app may not change it."),
        _("WeCom admin › Customer contact › Tags: change it there"),
    ),
    "41041": Cause(
        _("A contact code takes 100 members, everybody of its departments counted."),
        _("Contact codes: name fewer"),
    ),
    "41044": Cause(_("WeCom does not have this contact code any more."), _DONE_ANYWAY),
    **_all(
        (41045, 41055, 41095),
        Cause(
            _("WeCom takes no more of them: contact codes, group welcomes or acquisition links."),
            _("Delete what nobody uses"),
        ),
    ),
}

_HANDOVERS_AND_GROUPS = {
    "40097": Cause(
        _("The member has not left, so this is no handover of a leaver."),
        _("Handovers: start it as a move of somebody who stays"),
    ),
    "40099": Cause(
        _("The successor's friend list is full."), _("Handovers: choose another successor")
    ),
    "40128": Cause(
        _("A customer can be handed over twice in 90 days, and was."), _("Nothing to mend: wait")
    ),
    **_all(
        (40130, 40131),
        Cause(_("The customer is not this member's to be handed over."), _DONE_ANYWAY),
    ),
    "40205": Cause(
        _("The successor has not signed in to WeCom for a year."),
        _("The member: sign in to WeCom once"),
    ),
    **_all(
        (40050, 86001, 86003, 86008, 86101, 90501),
        Cause(_("There is no such group, it is not ours, or no customers' group."), _DONE_ANYWAY),
    ),
    "86006": Cause(_("A group takes 2 to 2,000 members."), _("Name more or fewer")),
    "90500": Cause(
        _("The group's owner has not left."),
        _("Handovers: start it as a move of somebody who stays"),
    ),
    **_all((90507, 90508), Cause(_("The group is being handed over already."), _DONE_ANYWAY)),
}

DAILY: dict[str, Cause] = {
    **_TALK,
    **_PEOPLE,
    **_SIGNING_IN,
    **_SENDING,
    **_TAGS_AND_CODES,
    **_HANDOVERS_AND_GROUPS,
}
