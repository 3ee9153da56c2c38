"""日报: each morning a card to those who lead stores: counts and rates, no name and no amount."""

from collections import defaultdict
from datetime import datetime
from typing import cast

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.capabilities import Role
from apps.cases.selectors import late_by_store
from apps.core import clock
from apps.guide_portal.cards import percent
from apps.guide_portal.team import rate_words
from apps.guide_portal.templatetags.portal import month_day
from apps.guide_tasks import hours
from apps.outreach import services as outreach
from apps.reports.days import DAYS, StoreDay, store_days
from apps.stores import selectors as stores
from apps.stores.models import DayOff, Guide, Posting, ScopeGrant, Store


@transaction.atomic
def queue_daily_cards(*, now: datetime) -> int:
    """Today's card to every store manager at work and every regional manager; returns how many are
    new. One per person and day, within the hours of notices: too late for today, none is queued.
    """
    today = clock.business_day(now)
    start = hours.for_cards(now)
    if clock.business_day(start) != today:
        return 0
    live = list(Store.objects.open_on(today).filter(live_since__isnull=False))
    ids = [store.pk for store in live]
    days, complaints = store_days(store_ids=ids, now=now), late_by_store(store_ids=ids, now=now)
    led = _store_managers(live, now) | _region_managers(live, now)
    source = f"daily:{today.isoformat()}"
    cards = [
        outreach.GuideCard(
            guide_id=guide_id,
            source=source,
            title=_("Daily figures %(day)s") % {"day": month_day(today)},
            body=_body(
                sum((days[pk] for pk in store_ids), StoreDay()),
                len(store_ids),
                sum(complaints.get(pk, 0) for pk in store_ids),
            ),
            path=path,
            not_before=start,
        )
        for guide_id, (store_ids, path) in led.items()
    ]
    return outreach.queue_cards(cards=cards)


Led = dict[int, tuple[list[int], str]]  # guide → stores and the page a tap opens


def _store_managers(live: list[Store], now: datetime) -> Led:
    day, path = clock.business_day(now), reverse("guide_portal:morning")
    ids = [store.pk for store in live]
    return {
        one.guide_id: ([one.store_id], path)
        for one in stores.at_work(store_ids=ids, day=day)
        if one.role == Posting.PostingRole.STORE_MANAGER
    }


def _region_managers(live: list[Store], now: datetime) -> Led:
    """Regional managers with WeCom who are not off today, with the live stores granted to them."""
    off = DayOff.objects.filter(day=clock.business_day(now)).values("guide_id")
    people = dict(
        Guide.objects.active()
        .filter(user__role=Role.REGION_MANAGER, user__is_active=True)
        .exclude(pk__in=off)
        .values_list("user_id", "pk")
    )
    seen: dict[int, set[int]] = defaultdict(set)
    for grant in ScopeGrant.objects.filter(user_id__in=people):
        seen[people[cast(int, grant.user_id)]] |= {
            store.pk
            for store in live
            if grant.store_id == store.pk or grant.region_id == store.region_id
        }
    path = reverse("guide_portal:region")
    return {guide_id: (sorted(ids), path) for guide_id, ids in seen.items() if ids}


def _body(day: StoreDay, store_count: int, late_complaints: int) -> str:
    """Three lines a lock screen may show, and one where complaints wait too long."""
    lines = [
        _("Yesterday: %(orders)s orders of members, %(reached)s reached, %(bought)s bought")
        % {"orders": day.orders, "reached": day.reached, "bought": day.bought},
        _("%(days)s days: completion rate %(rate)s, %(others)s")
        % {"days": DAYS, "rate": percent(day.completion_rate), "others": rate_words(day)},
        _("Today: %(open)s customers to contact, %(overdue)s overdue")
        % {"open": day.open, "overdue": day.overdue},
    ]
    if late_complaints:
        lines.append(_("Complaints past their time: %(n)s") % {"n": late_complaints})
    if store_count > 1:
        lines.insert(0, _("%(n)s stores") % {"n": store_count})
    return "\n".join(lines)
