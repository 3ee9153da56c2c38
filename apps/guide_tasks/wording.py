"""Sentences that are stored with a row, made in the language of whoever runs (Chinese by
default).
"""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core import clock
from apps.guide_tasks.models import ExcuseReason, ItemExcuse, State, TaskPush

MINUTES_PER_CUSTOMER = 2
MINUTES_PER_CONFIRMATION = 2

_EXCUSES = {
    ExcuseReason.BOUGHT_ALREADY: gettext_lazy("TA bought recently"),
    ExcuseReason.ASKED_TO_STOP: gettext_lazy("TA asked not to be contacted any more"),
    ExcuseReason.MOVED_AWAY: gettext_lazy("TA lives elsewhere now"),
    ExcuseReason.WRONG_PERSON: gettext_lazy("not the right person for this"),
    ExcuseReason.JUST_TALKED: gettext_lazy("you have just been in touch"),
    ExcuseReason.OTHER: gettext_lazy("not suitable for another reason"),
    ExcuseReason.BOUGHT_WITHOUT_CONTACT: gettext_lazy("TA bought without being asked"),
    ExcuseReason.NOT_FRIEND: gettext_lazy("TA is no longer your WeCom friend"),
    ExcuseReason.OVER_LIMIT: gettext_lazy("TA has received as many messages as this month allows"),
    ExcuseReason.RETURNED: gettext_lazy("TA has returned the goods"),
    ExcuseReason.WITHDRAWN: gettext_lazy("head office took this task back"),
    ExcuseReason.CONSENT_GONE: gettext_lazy("TA took back the consent that this needs"),
    ExcuseReason.COMPLAINT: gettext_lazy("TA has complained: that is settled first"),
    ExcuseReason.POINTS_USED: gettext_lazy("TA has used the points"),
    ExcuseReason.COUPONS_USED: gettext_lazy("TA has none of these coupons left"),
    ExcuseReason.APPOINTMENT_OVER: gettext_lazy("the appointment was cancelled or is over"),
}


def excuse_sentence(reason: str) -> str:
    """Why the target is 不适用, in plain words."""
    return str(_EXCUSES[ExcuseReason(reason)])


def item_excuse_sentence(reason: str, words: str = "") -> str:
    """Why an item is 不适用; another reason is said in the guide's own words."""
    return words if reason == ItemExcuse.OTHER else str(ItemExcuse(reason).label)


def taken_back_sentence(why: str) -> str:
    """What the guide reads in place of work that the manager took back."""
    return _("your manager took this back: %(why)s") % {"why": why}


def state_word(state: str) -> str:
    return str(State(state).label)


def _as_format(text: str, *names: str) -> str:
    """A translated sentence with %(name)s places → a pattern for PostgreSQL's format()."""
    return text % {name: f"%{place}$s" for place, name in enumerate(names, start=1)}


def why_patterns() -> dict[str, str]:
    """Patterns for 为什么是TA, filled in by the database for a whole hand-out at once."""
    return {
        "rhythm": _as_format(
            _("%(days)s days since the last purchase, usually back after %(gap)s days"),
            "days",
            "gap",
        ),
        "days": _as_format(_("%(days)s days since the last purchase"), "days"),
        "never": _("your WeCom friend, has not bought yet"),
        "follow_up": _as_format(_("message delivered %(days)s days ago, no order since"), "days"),
        "follow_up_today": _("message delivered today, no order yet"),
        "care": _as_format(_("bought %(product)s on %(day)s, ask how it goes"), "product", "day"),
        "care_plain": _as_format(_("bought on %(day)s, ask how it goes"), "day"),
        "case_closed": _as_format(_("complaint closed on %(day)s, ask how it is now"), "day"),
        "greeting": _("has just become your WeCom friend"),
        "unwelcomed": _("your new WeCom friend, no welcome has gone out: say hello first"),
        "welcome": _("has just become a member"),
        "birthday": _as_format(_("birthday on %(day)s, in %(days)s days"), "day", "days"),
        "birthday_today": _("birthday today"),
        "points": _as_format(
            _("%(points)s points, the first of them end on %(day)s"), "points", "day"
        ),
        "coupon": _as_format(_("%(coupon)s ends on %(day)s"), "coupon", "day"),
        "coupons": _as_format(
            _("%(count)s coupons, the first of them end on %(day)s"), "count", "day"
        ),
        "repurchase": _as_format(
            _("usually back after %(gap)s days, which would be %(day)s"), "gap", "day"
        ),
        "lead": _as_format(_("known for %(days)s days, has not bought yet"), "days"),
        "new_goods": _as_format(_("%(product)s is new, of the kind TA buys most"), "product"),
        "new_goods_size": _as_format(
            _("%(product)s is new, of the kind TA buys most, made in TA's size %(size)s"),
            "product",
            "size",
        ),
        "back_in_stock": _as_format(_("%(product)s is back, of the kind TA buys most"), "product"),
        "back_in_stock_size": _as_format(
            _("%(product)s is back in TA's size %(size)s, of the kind TA buys most"),
            "product",
            "size",
        ),
        "revisit": _as_format(_("came by on %(day)s, did not buy"), "day"),
        "appointment": _as_format(_("has an appointment on %(day)s at %(time)s"), "day", "time"),
        "thanks": _as_format(_("kept the appointment of %(day)s"), "day"),
    }


def item_notice_body(push: TaskPush, due_at: datetime | None = None) -> str:
    """The card of a push without customers: what kind of work, and until when (the push's due time
    unless the item has one of its own)."""
    due_at = due_at or push.due_at
    words = {
        TaskPush.Kind.RECRUIT: _("Win %(quota)s: %(of)s. Until %(due)s, counted by itself."),
        TaskPush.Kind.DISPLAY: _("One photo when it stands. Until %(due)s."),
        TaskPush.Kind.GROUP: _("Whoever has time does it, once for the store. Until %(due)s."),
        TaskPush.Kind.MOMENTS: _("One tap publishes the post. Until %(due)s."),
        TaskPush.Kind.GROUP_SEND: _("One tap in WeCom sends it to your groups. Until %(due)s."),
    }
    return words.get(TaskPush.Kind(push.kind), _("To be done until %(due)s.")) % {
        "quota": push.quota,
        "of": push.get_quota_of_display(),
        "due": short_moment(due_at) if due_at else "",
    }


def short_moment(moment: datetime) -> str:
    """8-21 20:00, chain time."""
    local = moment.astimezone(clock.chain_tz())
    return f"{local.month}-{local.day:02d} {local:%H:%M}"


def notice_body(customers: int, due_at: datetime, minutes_each: int = MINUTES_PER_CUSTOMER) -> str:
    """What the card in WeCom says: a count and a time, never a name: it shows on lock screens."""
    return _("%(customers)s customers, about %(minutes)s minutes. Until %(due)s.") % {
        "customers": customers,
        "minutes": customers * minutes_each,
        "due": short_moment(due_at),
    }
