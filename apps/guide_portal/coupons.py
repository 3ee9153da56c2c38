"""发券 and 到期提醒: what this customer may get, what they have, whose coupons end soon."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.shown import Shown
from apps.guide_portal.cards import Chip, Person, person_of
from apps.guide_portal.customers import own_word
from apps.guide_portal.enrol import store_id_today
from apps.guide_tasks.errors import EndsUnsaid
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services.coupons import ends_unsaid, is_unseen
from apps.guide_tasks.services.personal import reach_of
from apps.loyalty.models import CouponIssue, PointsLot
from apps.loyalty.selectors import (
    SHOWN,
    Offer,
    coupons_of,
    expiring,
    expiring_points,
    offers_for,
    worth_words,
)
from apps.members.models import Member
from apps.members.selectors import survivor_group

State = CouponIssue.State
_CHIPS = {
    State.USABLE: ("ok", "ok"),
    State.LATER: ("clock", "wait"),
    State.USED: ("bag", "ok"),
    State.EXPIRED: ("skip", ""),
}


@dataclass(frozen=True, slots=True)
class Held(Shown):
    """A coupon that the customer has; `again`: its number, where TA may be told of it again,
    `gift`: where it is to be handed over."""

    name: str
    words: str
    chip: Chip
    again: int | None
    gift: int | None


@dataclass(frozen=True, slots=True)
class CouponsPage:
    """`refusal`: why this guide may write to TA at no time now, so nothing is given. `first`: the
    first that may be given, it alone has the solid button."""

    person: Person
    refusal: str
    offers: list[Offer]
    first: int | None
    held: list[Held]


@dataclass(frozen=True, slots=True)
class Ending(Shown):
    """A coupon, or points, of one of the actor's customers that end soon."""

    person: Person
    words: str
    chip: Chip


def coupons_page(*, member: Member, actor: Actor, now: datetime) -> CouponsPage:
    """A fixed number of queries, however many coupons there are."""
    guide_id = actor.guide_id or 0
    group = survivor_group(member.pk)
    store_id = store_id_today(guide_id=guide_id, now=now)
    offers = offers_for(member_ids=group, store_id=store_id, now=now)
    sayable = [_sayable(offer, now) for offer in offers]
    return CouponsPage(
        person=person_of(member),
        refusal=reach_of(member=member, guide_id=guide_id, now=now, marketing=True).refusal,
        offers=sayable,
        first=next((offer.coupon.pk for offer in sayable if not offer.refusal), None),
        held=[_held(issue, actor, now) for issue in coupons_of(member_ids=group)],
    )


def _sayable(offer: Offer, now: datetime) -> Offer:
    """Refused also when it would be over before TA could read of it."""
    if offer.refusal or not ends_unsaid(offer.coupon.validity(now=now)[1], now=now):
        return offer
    return replace(offer, refusal=str(EndsUnsaid()))


def _held(issue: CouponIssue, actor: Actor, now: datetime) -> Held:
    state = issue.state(now=now)
    icon, tone = _CHIPS[state]
    by = own_word(issue.guide_id, issue.guide.name, actor) if issue.guide else _("at joining")
    waits = issue.coupon.by_hand and state == State.USABLE
    opened = "" if state == State.USED else _seen(issue)
    word = pgettext("coupon", "handed over") if issue.handed_by_id is not None else str(state.label)
    words = [worth_words(issue.coupon), _("until %(day)s") % {"day": date_format(issue.last_day)}]
    return Held(
        name=issue.coupon.name,
        words=" · ".join(filter(None, [*words, _("by %(who)s") % {"who": by}, opened])),
        chip=Chip(icon, word, tone),
        gift=issue.pk if waits else None,
        again=issue.pk if is_unseen(issue, now=now) else None,
    )


def _seen(issue: CouponIssue) -> str:
    return _("TA has seen it") if issue.opened_at else _("TA has not opened it yet")


def coupon_words(push: TaskPush) -> str:
    """The coupon that goes with the messages of this push; "" for none."""
    coupon = push.coupon
    if coupon is None:
        return ""
    left = _("%(n)s left") % {"n": f"{coupon.left:,}"}
    return " · ".join([coupon.name, worth_words(coupon), left])


def endings(*, actor: Actor, now: datetime) -> list[Ending]:
    """Unused coupons and points of the actor's customers that end within a week, the first to end
    first."""
    own = Member.objects.served_by(actor).survivors().values("pk")
    issues = CouponIssue.objects.filter(member__survivor_id__in=own)
    coupons = expiring(issues=issues, now=now, limit=SHOWN)
    lots = PointsLot.objects.filter(member__survivor_id__in=own)
    points = expiring_points(lots=lots, now=now, limit=SHOWN)
    found = [(one.last_day, one.member.survivor_id, _coupon_words(one)) for one in coupons]
    found += [(one.day, one.member_id, one.words) for one in points]
    shown = sorted(found, key=itemgetter(0))[:SHOWN]
    people = Member.objects.in_bulk({member_id for _day, member_id, _words in shown})
    return [
        Ending(person_of(people[member_id]), words, _days_chip(day, now))
        for day, member_id, words in shown
    ]


def _coupon_words(issue: CouponIssue) -> str:
    return f"{issue.coupon.name} · {worth_words(issue.coupon)} · {_seen(issue)}"


def _days_chip(last_day: date, now: datetime) -> Chip:
    days = (last_day - clock.business_day(now)).days
    words = {0: _("ends today"), 1: _("ends tomorrow")}.get(days) or _("%(n)s days left") % {
        "n": days
    }
    return Chip("clock", words, "late" if days < 2 else "warn")
