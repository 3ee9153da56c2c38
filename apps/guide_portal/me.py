"""我的: a guide's own figures, each counted from rows; what is not kept is not shown."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.commissions.models import CommissionRule
from apps.core import clock
from apps.guide_portal import commissions
from apps.guide_portal.cards import Person, percent, week_begin
from apps.guide_portal.chats import Chats, my_chats
from apps.guide_portal.team import rate_words_if_any
from apps.guide_portal.templatetags.portal import days_from_to, hour_minute, yuan
from apps.guide_tasks.selectors import my_numbers
from apps.loyalty.selectors import given_by
from apps.members.models import ServingPeriod
from apps.reports import guides as reports
from apps.reports.places import Again, guide_again
from apps.stores.models import Guide, Posting


@dataclass(frozen=True, slots=True)
class MePage:
    """Sales of the month, figures of the last seven days."""

    person: Person
    place: str
    sales: reports.MySales
    sales_words: str
    rank_words: str
    counted_at: str
    again: str
    again_words: str
    rate: str
    rate_words: str
    delivered: int
    bought: int
    customers: int
    friends_won: int
    friends_lost: int
    coupons_given: int
    coupons_used: int
    praise: str
    chats: Chats | None
    commission: commissions.MyCommission | None


def sales_words(sales: reports.MySales) -> str:
    """23 单，已扣退货 ¥1,280"""
    if not sales.returned_fen:
        return _("%(n)s orders, nothing came back") % {"n": sales.orders}
    return _("%(n)s orders, returns of %(amount)s taken off") % {
        "n": sales.orders,
        "amount": yuan(sales.returned_fen),
    }


def rank_words(sales: reports.MySales) -> str:
    """离第 2 名还差 ¥2,180: the next step alone; whoever stands behind is not told."""
    if sales.rank is None or sales.ranked < 2:
        return ""
    if sales.gap_fen is None:
        return _("You lead the store this month") if sales.net_fen > 0 else ""
    return _("%(amount)s to place %(place)s") % {
        "amount": yuan(sales.gap_fen),
        "place": sales.next_place,
    }


def again_words(again: Again | None) -> str:
    """回购率 in words, with both of its periods."""
    if again is None:
        return ""
    days = {
        "days_before": days_from_to(*again.period.before),
        "days": days_from_to(again.period.first, again.period.last),
    }
    if not again.before:
        return _("No member bought from you in this store %(days_before)s") % days
    return _(
        "Of %(before)s members who bought from you in this store %(days_before)s, %(again)s bought "
        "again %(days)s, from whomever"
    ) % {**days, "before": again.before, "again": again.again}


def praise_words(praise: reports.Praise | None) -> str:
    """近 7 天你联系到的 43 位里有 6 位来买了，是全店最多。"""
    if praise is None:
        return ""
    pattern = (
        _("Of the %(reached)s you reached in 7 days, %(bought)s came to buy: most in the store.")
        if praise.is_best
        else _("Of the %(reached)s you reached in 7 days, %(bought)s came to buy.")
    )
    return pattern % {"reached": praise.reached, "bought": praise.bought}


def me_page(*, guide_id: int, now: datetime) -> MePage:
    """This guide's page in eight queries; WeCom's figures and 回购率 are one more each every ten
    minutes."""
    served = ServingPeriod.objects.current().filter(guide_id=OuterRef("pk")).order_by()
    counted = served.values("guide_id").annotate(n=Count("pk")).values("n")
    posted = Posting.objects.on(clock.business_day(now)).filter(guide_id=OuterRef("pk"))
    guide = Guide.objects.annotate(
        customers=Coalesce(Subquery(counted), 0),
        at_store=Subquery(posted.values("store__name")[:1]),
        at_store_id=Subquery(posted.values("store_id")[:1]),
        as_role=Subquery(posted.values("role")[:1]),
        has_rules=Exists(CommissionRule.objects.all()),
    ).get(pk=guide_id)
    numbers = my_numbers(guide_id=guide_id, now=now)
    sales = reports.my_sales(guide_id=guide_id, now=now)
    friends = reports.friends(guide_id=guide_id, since=week_begin(now))
    coupons = given_by(guide_id=guide_id, since=week_begin(now))
    store_id = guide.at_store_id
    again = guide_again(guide_id=guide_id, store_id=store_id, now=now) if store_id else None
    place = [guide.at_store, str(Posting.PostingRole(guide.as_role).label)] if guide.as_role else []
    return MePage(
        person=Person(pk=guide.pk, public_id=None, name=guide.name),
        place=" · ".join(place),
        sales=sales,
        sales_words=sales_words(sales),
        rank_words=rank_words(sales),
        counted_at=hour_minute(now),
        again=percent(again.rate if again else None),
        again_words=again_words(again),
        rate=percent(numbers.completion_rate),
        rate_words=rate_words_if_any(numbers),
        delivered=numbers.delivered,
        bought=numbers.purchased,
        customers=guide.customers,
        friends_won=friends.won,
        friends_lost=friends.lost,
        coupons_given=coupons.issued,
        coupons_used=coupons.used,
        praise=praise_words(reports.praise(guide_id=guide_id, now=now)),
        chats=my_chats(guide_id=guide_id, now=now),
        commission=commissions.my_commission(guide_id=guide_id, has_rules=guide.has_rules, now=now),
    )
