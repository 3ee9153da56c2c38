"""Loads the demo chain in the order in which things happened, through the house's own services.

What is real: the purchase days, pieces and relative amounts (see `data/README.md`). What is made
up: everybody and everything else. The two finished pushes are not rows written by hand: on a moved
clock the product hands them out, guides send and confirm on the simulator's phones, results are
polled, and the orders of those days come in afterwards.
"""

import random
import secrets
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from operator import itemgetter

from django.conf import settings
from django.db import connection

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import API_CAPABILITIES
from apps.accounts.models import User
from apps.accounts.services import create_api_key
from apps.commissions.services import book_due, note_orders
from apps.core import clock, partitions
from apps.core.wake import asleep
from apps.guide_tasks.services.evidence import record_purchases
from apps.guide_tasks.services.rules import ensure_default_rules
from apps.hq.demo import chain as chains
from apps.hq.demo import (
    chats,
    content,
    coupons,
    groups,
    history,
    looks,
    newcomers,
    news,
    parting,
    pay,
    pieces,
    points,
    pushes,
    running,
    stock,
)
from apps.hq.demo import won as friends_won
from apps.hq.demo.catalogue import load_products
from apps.hq.demo.codes import make_codes
from apps.hq.demo.members import (
    Person,
    agree_lately,
    first_days,
    invent,
    load_members,
    wecom_customers,
)
from apps.hq.demo.phones import Phones
from apps.orders.services import REJECTED, OrderResult, OrderRow, ingest_orders
from apps.profiles.models import StageVersion
from apps.profiles.services import count_returns, refresh_profiles
from apps.stores.models import Guide
from apps.wecom.models import Corp
from apps.wecom.services import ensure_demo_corp
from apps.wecom_sync.services import read_guide_days, sync_all, sync_kind

_SEED = 20_261_121
_BATCH = 1000
_SIM_BATCH = 2000
# the sample is 18 months long: with the usual 540 days nobody in it could be lost yet
_LOST_AFTER_DAYS = 480
# before the first order of the sample
_BEFORE_ALL_DAYS = 600
# how many just silent, and how many usually back about now, stand on the lists of the tour's guides
_SHOWN_EACH = 6
Say = Callable[[str], None]


def load(*, out: Say = print) -> dict[str, str]:
    """Load everything into an empty database; return what `demo.env` needs besides addresses."""
    with asleep():
        return _load(out)


def _load(out: Say) -> dict[str, str]:
    dice = random.Random(_SEED)
    now, today = clock.now(), clock.today()
    endpoint = ensure_demo_corp(corp_name="步禾鞋服")
    corp = endpoint.corp

    chain = chains.load_chain(corp_id=corp.corp_id, today=today, dice=dice)
    out(f"Stores and people: {len(chain.stores)} stores, {len(chain.people)} people")
    logins = _head_office(corp.corp_id)
    long_ago = now - timedelta(days=_BEFORE_ALL_DAYS)
    out(f"Catalogue: {load_products(listed_at=long_ago)} items")
    StageVersion.objects.create(lost_after_days=_LOST_AFTER_DAYS, published_at=long_ago)

    purchases = history.read_purchases(
        last_day=today - timedelta(days=1), limit=settings.DEMO_MEMBERS
    )
    people = _people(purchases, chain, now=now, dice=dice)
    out(f"Members and contacts: {len(people)}")

    phones = Phones(settings.SIMULATOR_URL)
    _tell_wecom(phones, chain, people, dice)
    out(f"Contact codes: {make_codes(chain, corp=corp, phones=phones, now=now)}")
    sync_all(corp=corp, now=now)
    out("WeCom: address book and friendships mirrored from the simulator")

    goods = content.load_content(
        author=chain.guides_of[running.SHOWN_STORE][1],
        store=chain.stores[running.SHOWN_STORE],
        now=now - timedelta(days=28),
    )
    sync_kind(corp=corp, kind="tags", now=now)
    pay.rules(today=today)
    taken = _Orders(_sales(purchases, people, chain, today=today, dice=dice), today)
    ensure_default_rules(now=clock.day_start(pushes.plans(today)[0].day))
    won = friends_won.who_is_won(people, purchases, today=today)
    for day, happen in _past(chain, goods, phones=phones, today=today, dice=dice):
        out(f"Orders until {day}: {taken.until(day)}")
        friends_won.befriend(won, until=day, phones=phones)
        happen()
    out(f"Orders until yesterday: {taken.until(today)}")
    friends_won.befriend(won, until=today, phones=phones)
    count_returns(now=now)
    agree_lately(people, now=now - timedelta(days=3))
    _begin(chain, people, corp=corp, phones=phones, now=now, dice=dice, out=out)
    content.load_segments()
    _analyse()
    return {**logins, "API_KEY": _api_key()}


def _past(
    chain: chains.Chain,
    goods: content.Content,
    *,
    phones: Phones,
    today: date,
    dice: random.Random,
) -> list[tuple[date, Callable[[], object]]]:
    """The days of the past weeks on which something was done, oldest first."""
    coupon = coupons.come_back(today=today)
    found: list[tuple[date, Callable[[], object]]] = [
        (plan.day, partial(pushes.play, plan, goods, coupon, phones=phones, dice=dice))
        for plan in pushes.plans(today)
    ]
    shown = chain.guides_of[running.SHOWN_STORE]
    found.append((looks.day(today), partial(looks.play, shown, phones=phones, today=today)))
    return sorted(found, key=itemgetter(0))


def _begin(
    chain: chains.Chain,
    people: list[Person],
    *,
    corp: Corp,
    phones: Phones,
    now: datetime,
    dice: random.Random,
    out: Say,
) -> None:
    """What is under way today, and who has just left."""
    running.begin(chain, people, phones=phones, now=now)
    out("Under way: a quota, a display, a list for each store, a day off, things to approve")
    shown = chain.stores[running.SHOWN_STORE]
    guides = [guide for team in chain.guides_of.values() for guide in team]
    on_tour = chain.guides_of[running.SHOWN_STORE][:2]
    out(f"News: {news.post(guides, unread_by=on_tour, now=now)} pieces")
    out(f"Newcomers: {newcomers.arrive(chain, now=now)}")
    out(f"Stock counted: {stock.count(chain.open_stores, now=now)} sizes in stores")
    out(f"Pieces asked of other stores: {pieces.play(store=shown, now=now)}")
    out(f"Coupons given: {coupons.play(store=shown, now=now)}")
    out(f"Points told: {points.play(store=shown, now=now)}")
    out(f"Coupons of a push used: {coupons.use_carried(now=now)}")
    out(f"Months of commission closed: {pay.play(store=shown, now=now)}")
    gone = chains.leavers(chain, dice=dice)
    out(f"Customer groups: {groups.play(chain, gone, corp=corp, phones=phones, now=now)}")
    out(f"Guides whose chats WeCom counted: {chats.talk(chain, phones=phones, now=now)}")
    pushes.finish(now=clock.now())
    pushes.repeat(now=now)
    _part(chain, gone, phones=phones, now=now)
    read_guide_days(now=now)


def _part(chain: chains.Chain, gone: list[Guide], *, phones: Phones, now: datetime) -> None:
    """Some friends are lost; three guides leave, and one of them is handed over to the end."""
    parting.lose_friends(chain, phones=phones, now=now)
    chains.let_leave(gone, today=clock.business_day(now))
    parting.hand_over(gone[0], phones=phones, now=now)
    phones.post("/sim/clock", reset=True)
    for guide in gone[1:]:
        phones.post("/sim/users/leave", userid=guide.wecom_userid)


def _people(
    purchases: list[history.Purchase], chain: chains.Chain, *, now: datetime, dice: random.Random
) -> list[Person]:
    """The members, invented around the purchases and loaded as they stood two months ago."""
    today = clock.business_day(now)
    people = invent(
        count=settings.DEMO_MEMBERS,
        first_day=first_days(purchases),
        shown=history.whose_time_has_come(purchases, today=today, each=_SHOWN_EACH),
        chain=chain,
        today=today,
        dice=dice,
    )
    with clock.at(now - timedelta(days=60)):
        load_members(people, chain, now=clock.now(), dice=dice)
    return people


def _sales(
    purchases: list[history.Purchase],
    people: list[Person],
    chain: chains.Chain,
    *,
    today: date,
    dice: random.Random,
) -> list[OrderRow]:
    """The till's orders until yesterday in the order they were paid; their months are there."""
    sellers = {
        code: [guide.wecom_userid for guide in guides] for code, guides in chain.guides_of.items()
    }
    sales = history.orders_of(
        purchases,
        [person.buyer for person in people],
        sellers=sellers,
        until=today - timedelta(days=1),
        dice=dice,
    )
    rows = sorted(sales, key=lambda row: row.paid_at)
    _make_months(rows)
    return rows


def _head_office(corp_id: str) -> dict[str, str]:
    password = secrets.token_urlsafe(9)
    logins = chains.load_head_office(password=password, corp_id=corp_id)
    return {**logins, "HQ_PASSWORD": password}


def _api_key() -> str:
    _key, raw = create_api_key(
        name="收银系统（示范）",
        scopes=sorted(API_CAPABILITIES),
        created_by=User.objects.get(username="hq"),
        chain_wide=True,
    )
    return raw


def _tell_wecom(
    phones: Phones, chain: chains.Chain, people: list[Person], dice: random.Random
) -> None:
    """The world as WeCom knew it before the product came; no callbacks are sent for it."""
    phones.post(
        "/sim/seed", departments=chains.departments(chain), users=chains.staff(chain), customers=[]
    )
    customers = list(wecom_customers(people, chain, dice))
    for start in range(0, len(customers), _SIM_BATCH):
        batch = customers[start : start + _SIM_BATCH]
        phones.post("/sim/seed", departments=[], users=[], customers=batch)


def _make_months(rows: list[OrderRow]) -> None:
    """Past months first: a row without its partition is refused."""
    if rows:
        first = partitions.month_of(rows[0].paid_at)
        for entry in partitions.registered():
            partitions.ensure_months(entry.table, first, partitions.month_of(clock.now()))


class _Orders:
    """Feeds the till's orders to the product day by day, in batches, as they would have come."""

    def __init__(self, rows: list[OrderRow], today: date) -> None:
        self._rows: Iterator[OrderRow] = iter(rows)
        self._next = next(self._rows, None)
        self._today = today

    def _before(self, moment: datetime) -> Iterator[OrderRow]:
        while self._next is not None and self._next.paid_at < moment:
            yield self._next
            self._next = next(self._rows, None)

    def until(self, day: date) -> int:
        """Take all orders paid before that day begins; the clock stands at its first moment."""
        moment = clock.day_start(day) if day < self._today else clock.now()
        count, waiting = 0, self._before(moment)
        orders: list[int] = []
        members: set[int] = set()
        with clock.at(moment):
            while batch := list(islice(waiting, _BATCH)):
                for result in _take(batch, now=moment):
                    members.update(result.member_ids)
                    orders += [result.order_id] if result.order_id else []
                count += len(batch)
            # once, after the last batch: half a history would leave stages that never were
            refresh_profiles(member_ids=sorted(members), now=moment)
            record_purchases(order_ids=orders, now=moment)
            note_orders(order_ids=orders, now=moment)
            book_due(now=moment)
        return count


def _take(batch: list[OrderRow], *, now: datetime) -> list[OrderResult]:
    results = ingest_orders(rows=batch, now=now, actor=SYSTEM)
    refused = [result for result in results if result.status == REJECTED]
    if refused:
        raise RuntimeError(f"demo orders refused: {refused[:3]}")
    return results


def _analyse() -> None:
    """Right after a load the planner knows nothing; the first pages should not pay for that."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
