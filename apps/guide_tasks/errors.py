"""How the tasks' room says no."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import DomainError


class IllegalMove(DomainError):
    code = "illegal_move"
    message = _("This is not possible any more: the customer is %(state)s.")


class NotYourTask(DomainError):
    code = "not_your_task"
    message = _("This task belongs to a colleague.")


class NotOpenYet(DomainError):
    code = "not_open_yet"
    message = _("This customer is planned for a later day.")


class UnproofedGrade(DomainError):
    """Somebody asked for “delivered” without WeCom's word or an identified click."""

    code = "unproofed_grade"
    message = _("Only WeCom or the customer can prove that a message arrived.")


class UnknownExcuse(DomainError):
    code = "unknown_excuse"
    message = _("Choose one of the reasons.")


class ContactRefused(DomainError):
    """The reach policy says no; the message is its sentence."""

    code = "contact_refused"


class EndsUnsaid(DomainError):
    code = "coupon_ends_unsaid"
    message = _("It is over before TA may be written to. Choose another one.")


class NothingToSay(DomainError):
    code = "coupon_nothing_to_say"
    message = _("TA has seen this coupon, or it cannot be used now.")


class NothingToSend(DomainError):
    code = "nothing_to_send"
    message = _("Nobody in this task is waiting for a message.")


class PushNotReady(DomainError):
    code = "push_not_ready"
    message = _("The push is not complete yet.")


class PushAlreadyHandedOut(DomainError):
    code = "push_handed_out"
    message = _("The push has been handed out and cannot be changed any more.")


class PushBeingHandedOut(DomainError):
    """Its parts are on their way to the guides; nothing may move under them."""

    code = "push_being_handed_out"
    message = _("This push is being handed out at this moment. Try again in a few minutes.")


class CampaignShared(DomainError):
    """Other pushes are measured by the same control group."""

    code = "campaign_shared"
    message = _("Other pushes share this campaign. Control group and window stay as they are; "
                "make a push of its own to have others.")  # fmt: skip


class ChasedEnough(DomainError):
    code = "chased_enough"
    message = _("Chased %(limit)s times today already.")


class ItemMoved(DomainError):
    code = "item_moved"
    message = _("This is not possible any more: the task is %(state)s.")


class DoneByColleague(DomainError):
    code = "done_by_colleague"
    message = _("A colleague has done this already, nothing is left to do.")


class NotThisKind(DomainError):
    """A page of another kind of task was used."""

    code = "not_this_kind"
    message = _("This task is finished another way. Open it again from today's list.")


class NotYourStore(DomainError):
    code = "not_your_store"
    message = _("Only who leads this store may decide that.")


class OwnPhoto(DomainError):
    """Four eyes: nobody approves what they handed in."""

    code = "own_photo"
    message = _("You took this photo yourself: your region manager or head office approves it.")


class ReasonMissing(DomainError):
    code = "reason_missing"
    message = _("Say what is missing, so that it can be put right.")


class WhyMissing(DomainError):
    code = "why_missing"
    message = _("Say in a few words why.")


class NoMoreTime(DomainError):
    """WeCom keeps a post as long as its push says; nothing we write changes that."""

    code = "no_more_time"
    message = _("A post ends in WeCom at its time. Ask head office for a new one.")


class NoGroupsThere(DomainError):
    code = "no_groups_there"
    message = _(
        "Nobody in these places owns a customer group that may still get a message. Choose other "
        "places."
    )


class NobodyToRemind(DomainError):
    code = "nobody_to_remind"
    message = _("Everybody has confirmed, was reminded three times in 24 hours, or is about to be.")


class NotAtWeCom(DomainError):
    """Nobody can be reminded of what lies on no phone."""

    code = "not_at_wecom"
    message = _(
        "WeCom does not have %(n)s of these messages: they wait, failed, or nobody knows. Nobody "
        "else is to be reminded now."
    )


class NobodyThere(DomainError):
    code = "nobody_there"
    message = _("Nobody is on duty in the chosen stores. Choose other stores or another day.")


class NotAColleague(DomainError):
    code = "not_a_colleague"
    message = _("%(name)s does not work in this store today. Choose somebody who does.")


class NotMoved(DomainError):
    """Nobody could be moved; the message is why."""

    code = "not_moved"


class DueNotLater(DomainError):
    code = "due_not_later"
    message = _("The new due time must lie ahead and be later than the present one.")


class PushNotRunning(DomainError):
    code = "push_not_running"
    message = _("The push is not running; there is nothing to change.")


class BadRule(DomainError):
    """A rule's numbers do not fit; the message says which and how."""

    code = "bad_rule"
    message = _("The rule cannot be set like this.")


class GuideAway(DomainError):
    code = "guide_away"
    message = _("Not at work today. Share the work out under Assign, or wait for the next day.")


class KindIsOff(DomainError):
    """A kind of work that the chain has left out."""

    code = "kind_is_off"
    message = _("This kind of work is switched off. Choose another one.")


class NotYourRegion(DomainError):
    code = "not_your_region"
    message = _("Only who leads this region may decide that.")


class OutsideWindow(DomainError):
    code = "outside_window"
    message = _("Choose an hour from %(start)s to %(end)s, before the task is due.")


class TooMuchTime(DomainError):
    code = "too_much_time"
    message = _("At most %(days)s days more than head office gave, until %(until)s.")


class NothingToMove(DomainError):
    code = "nothing_to_move"
    message = _("Nothing of this task would change in the region.")


class PushRepeats(DomainError):
    """The pattern of a series is neither handed out nor thrown away itself."""

    code = "push_repeats"
    message = _("This push repeats. Pause or end it on its own page.")


class BadRhythm(DomainError):
    """How it repeats does not fit; the message says what and how."""

    code = "bad_rhythm"
    message = _("The push cannot repeat like this.")


class SeriesNotThere(DomainError):
    code = "series_not_there"
    message = _("This push does not repeat. Choose a rhythm first.")


class SegmentEmpty(DomainError):
    code = "segment_empty"
    message = _("Nobody is in the segment today.")


class CouponNotGiven(DomainError):
    """The push carries a coupon that this customer cannot get."""

    code = "push_coupon_not_given"
    message = _(
        "The coupon of this task cannot be given: stopped, over or all given away. Tell your store"
        " manager, or choose “not applicable”."
    )


class CouponHadAlready(DomainError):
    code = "push_coupon_had"
    message = _("TA has had this coupon and used it. Choose “not applicable”.")
