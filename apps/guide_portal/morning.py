"""早会 as the page shows it: yesterday, who does what today, three to praise, three to look at."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core import clock
from apps.guide_portal.cards import Chip, Person, percent
from apps.guide_portal.people import colleague
from apps.guide_portal.team import rate_words_if_any
from apps.guide_portal.templatetags.portal import month_day, yuan
from apps.reports.mornings import DAYS, GuideFacts, Morning, Week, morning
from apps.stores import selectors as stores
from apps.stores.models import Store

MOST = 3
# fewer due tasks than this prove nothing about somebody
FEW = 3


@dataclass(frozen=True, slots=True)
class Word:
    """A fact about a guide, and (at risk) where to do something about it."""

    person: Person
    words: str
    step: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class WorkLine:
    person: Person
    words: str
    chip: Chip | None
    is_away: bool


@dataclass(frozen=True, slots=True)
class MorningPage:
    store: Store
    day: str
    sales: str
    orders: int
    reached: int
    bought: int
    friends_won: int
    friends_lost: int
    rate: str
    rate_words: str
    items_done: str
    work: list[WorkLine]
    shared: str
    praise: list[Word]
    risks: list[Word]


def morning_page(*, store: Store, now: datetime) -> MorningPage:
    """A store's morning in seven queries."""
    today = clock.business_day(now)
    posted = list(stores.posted_with_duty(store_ids=[store.pk], day=today))
    people = {one.guide_id: colleague(one.guide) for one in posted}
    away = {one.guide_id for one in posted if one.is_away}
    found = morning(store=store, guide_ids=list(people), now=now)
    day, facts = found.yesterday, found.guides
    return MorningPage(
        store=store,
        day=month_day(today - timedelta(days=1)),
        sales=yuan(day.member_fen),
        orders=day.orders,
        reached=day.reached,
        bought=day.bought,
        friends_won=day.friends_won,
        friends_lost=day.friends_lost,
        rate=percent(found.week.completion_rate),
        rate_words=rate_words_if_any(found.week),
        items_done=_items_done(found.week),
        work=_work(people, facts, away),
        shared=_items(found.shared.items),
        praise=_praise(people, facts),
        risks=_risks(people, found, store, away),
    )


def _items_done(week: Week) -> str:
    if not week.items_asked:
        return ""
    return _("Store tasks due in 7 days: %(done)s of %(asked)s done in time") % {
        "done": week.items_done,
        "asked": week.items_asked,
    }


def _work(
    people: dict[int, Person], facts: dict[int, GuideFacts], away: set[int]
) -> list[WorkLine]:
    rows = []
    for pk, person in people.items():
        one, chip = facts[pk], None
        if pk in away:
            chip = Chip("moon", _("off today"))
        elif late := one.overdue + one.items_overdue:
            chip = Chip("clock", _("%(n)s overdue") % {"n": late}, "late")
        people_left = _("%(n)s customers to contact") % {"n": one.open} if one.open else ""
        parts = filter(None, (people_left, _items(one.items)))
        words = "，".join(parts) or _("nothing to do yet")
        if one.value_fen:
            words += " · " + _("%(money)s at stake") % {"money": yuan(one.value_fen)}
        rows.append(WorkLine(person, words, chip, pk in away))
    return sorted(rows, key=lambda row: row.is_away)


def _items(number: int) -> str:
    return _("%(n)s pieces of other work") % {"n": number} if number else ""


# --- praise: by name, with a fact ----------------------------------------------------------------


def _praise(people: dict[int, Person], facts: dict[int, GuideFacts]) -> list[Word]:
    """At most three guides, each once, for what they did best; nobody is praised for nothing."""
    found: list[tuple[int, str]] = []
    by_bought = sorted(facts.values(), key=lambda one: (-one.bought, -one.reached))
    found += [
        (
            one.guide_id,
            _("Reached %(reached)s customers in %(days)s days, %(bought)s came to buy")
            % {"reached": one.reached, "bought": one.bought, "days": DAYS},
        )
        for one in by_bought[:1]
        if one.bought and one.reached
    ]
    found += [
        (one.guide_id, _("All %(n)s tasks of the week done in time") % {"n": one.due})
        for one in sorted(facts.values(), key=lambda one: -one.due)
        if one.due >= FEW and one.kept == one.due
    ]
    found += [
        (one.guide_id, _("Won %(n)s WeCom friends this week") % {"n": one.friends_won})
        for one in sorted(facts.values(), key=lambda one: -one.friends_won)[:1]
        if one.friends_won
    ]
    found += [
        (one.guide_id, _("Sold %(money)s to members this week") % {"money": yuan(one.member_fen)})
        for one in sorted(facts.values(), key=lambda one: -one.member_fen)[:1]
        if one.member_fen > 0
    ]
    return _first_of_each(people, found)


def _first_of_each(people: dict[int, Person], found: list[tuple[int, str]]) -> list[Word]:
    chosen: dict[int, Word] = {}
    for pk, words in found:
        if pk in people and pk not in chosen and len(chosen) < MOST:
            chosen[pk] = Word(people[pk], words)
    return list(chosen.values())


# --- at risk: a fact and a next step -------------------------------------------------------------


def _risks(people: dict[int, Person], found: Morning, store: Store, away: set[int]) -> list[Word]:
    risks: list[Word] = []
    dearest = found.dearest
    if dearest is not None and dearest.guide_id in people:
        risks.append(
            Word(
                people[dearest.guide_id],
                _("A customer worth %(money)s is due today and not begun")
                % {"money": yuan(dearest.value_fen)},
                _("See the work"),
                _work_of(dearest.guide_id, store),
            )
        )
    for one in sorted(found.guides.values(), key=lambda one: -one.overdue):
        if one.overdue:
            words = _("%(n)s customers are overdue") % {"n": one.overdue}
            risks.append(_step(people, one.guide_id, words, store))
    for one in found.guides.values():
        if one.guide_id in away and one.open:
            words = _("Off today, %(n)s customers are waiting") % {"n": one.open}
            risks.append(_step(people, one.guide_id, words, store))
    for one in sorted(found.guides.values(), key=lambda one: -one.friends_lost):
        if one.friends_lost:
            words = _("%(n)s customers left this week") % {"n": one.friends_lost}
            href = f"{reverse('guide_portal:alerts')}?store={store.pk}"
            risks.append(Word(people[one.guide_id], words, _("See who"), href))
    return risks[:MOST]


def _step(people: dict[int, Person], guide_id: int, words: str, store: Store) -> Word:
    return Word(people[guide_id], words, _("Share out the work"), _work_of(guide_id, store))


def _work_of(guide_id: int, store: Store) -> str:
    return f"{reverse('guide_portal:work', args=[guide_id])}?store={store.pk}"
