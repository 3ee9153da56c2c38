"""The words work is judged by: how well it is proven, where it stands, why it was not done."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Grade(models.IntegerChoices):
    """完成认定: how well a contact is proven. Grades only rise."""

    NONE = 0, _("no proof")
    SELF_REPORTED = 1, _("self-reported")
    INITIATED = 2, _("initiated")
    DELIVERED = 3, _("delivered")


class Outcome(models.TextChoices):
    """结果: what the customer did. Measures worth, never completes a contact."""

    ENGAGED = "engaged", _("engaged")
    VISITED = "visited", _("visited")
    PURCHASED = "purchased", _("purchased")


class State(models.TextChoices):
    OPEN = "open", _("open")
    IN_PROGRESS = "in_progress", _("in progress")
    TO_VERIFY = "to_verify", _("to verify")
    DONE = "done", _("done")
    NOT_DONE = "not_done", _("not done")
    EXPIRED = "expired", _("expired")
    NOT_APPLICABLE = "not_applicable", _("not applicable")


OPEN_STATES = (State.OPEN, State.IN_PROGRESS, State.TO_VERIFY)

# what was not done in its time; a manager may open it again
OVER_STATES = (State.NOT_DONE, State.EXPIRED)

# Every legal move; anything else is refused. Only outcomes may still be noted on a finished target.
MOVES: dict[str, tuple[str, ...]] = {
    State.OPEN: (
        State.IN_PROGRESS,
        State.TO_VERIFY,
        State.DONE,
        State.EXPIRED,
        State.NOT_APPLICABLE,
    ),
    State.IN_PROGRESS: (State.TO_VERIFY, State.DONE, State.NOT_DONE, State.NOT_APPLICABLE),
    State.TO_VERIFY: (State.IN_PROGRESS, State.DONE, State.NOT_DONE, State.NOT_APPLICABLE),
    State.DONE: (),
    State.NOT_DONE: (State.DONE, State.OPEN),
    State.EXPIRED: (State.DONE, State.OPEN),
    State.NOT_APPLICABLE: (State.OPEN,),
}


class ExcuseReason(models.TextChoices):
    """Why a target is 不适用. The first six are offered to the guide; the rest come from proof."""

    BOUGHT_ALREADY = "bought_already", _("bought recently")
    ASKED_TO_STOP = "asked_to_stop", _("asked not to be contacted")
    MOVED_AWAY = "moved_away", _("moved away")
    WRONG_PERSON = "wrong_person", _("not the right person")
    JUST_TALKED = "just_talked", _("we just talked")
    OTHER = "other", _("another reason")
    BOUGHT_WITHOUT_CONTACT = "bought_without_contact", _("bought without contact")
    NOT_FRIEND = "not_friend", _("no longer a WeCom friend")
    OVER_LIMIT = "over_limit", _("monthly limit reached")
    RETURNED = "returned", _("returned the goods")
    WITHDRAWN = "withdrawn", _("taken back")
    CONSENT_GONE = "consent_gone", _("took back the consent")
    COMPLAINT = "complaint", _("complaint open")
    POINTS_USED = "points_used", _("points used")
    COUPONS_USED = "coupons_used", _("coupons used or taken back")
    APPOINTMENT_OVER = "appointment_over", _("appointment cancelled or over")


class ItemExcuse(models.TextChoices):
    """Why work without customers is 不适用. All but the last two are offered to who does it."""

    NO_GOODS = "no_goods", _("the store does not have these goods")
    NO_PLACE = "no_place", _("the store has no place for this display")
    SHUT = "shut", _("the store is shut or being refitted")
    OTHER = "other", _("another reason")
    WITHDRAWN = "withdrawn", _("taken back")
    FULL = "full", _("WeCom lets no more through to these groups")
