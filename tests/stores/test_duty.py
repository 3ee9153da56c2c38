"""Who is at work: days off, cover, closed days, and what the database itself refuses."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM
from apps.accounts.models import AuditEntry
from apps.stores import selectors, services
from apps.stores.models import Cover, DayOff, StoreDay
from tests.factories.facts import make_guide, make_store

pytestmark = [pytest.mark.django_db, pytest.mark.service]
DAY = timedelta(days=1)


@pytest.fixture
def shop(moment):
    store = make_store()
    return store, [make_guide(store) for _one in range(3)], moment.date()


def off(guide, store, day, now, marked=True):
    services.set_day_off(guide=guide, store=store, day=day, off=marked, actor=SYSTEM, now=now)


def cover(store, absent, covering, first, last, now):
    return services.start_cover(
        store=store, absent=absent, covering=covering, first=first, last=last, actor=SYSTEM, now=now
    )


def test_everybody_works_who_is_not_marked_off(shop, moment):
    store, guides, today = shop
    off(guides[0], store, today, moment)

    working = selectors.at_work(store_ids=[store.pk], day=today)

    assert {one.guide_id for one in working} == {guides[1].pk, guides[2].pk}
    assert selectors.absences(days=[today + 5 * DAY]) == []


def test_marking_twice_is_marking_once_and_is_written_down_once(shop, moment):
    store, guides, today = shop
    for _time in range(2):
        off(guides[0], store, today, moment)
    assert DayOff.objects.count() == 1
    for _time in range(2):
        off(guides[0], store, today, moment, marked=False)

    assert DayOff.objects.count() == 0
    assert AuditEntry.objects.filter(action__startswith="duty.").count() == 2


def test_a_day_that_is_over_or_too_far_off_cannot_be_marked(shop, moment):
    store, guides, today = shop
    for day in (today - DAY, today + 93 * DAY):
        with pytest.raises(services.DayIsOver):
            off(guides[0], store, day, moment)


def test_who_does_not_work_here_cannot_be_marked_here(shop, moment):
    store, _guides, today = shop
    with pytest.raises(services.NotPostedHere):
        off(make_guide(make_store()), store, today, moment)


def test_who_is_off_comes_back_on_the_first_day_not_marked(shop, moment):
    store, guides, today = shop
    for days in (0, 1, 2):
        off(guides[0], store, today + days * DAY, moment)
    services.set_store_closed(
        store=store, day=today + 3 * DAY, closed=True, actor=SYSTEM, now=moment
    )

    (absence,) = selectors.absences(days=[today])

    assert absence.guide_id == guides[0].pk
    assert absence.back_on == today + 4 * DAY
    assert absence.covering_id is None


def test_on_a_closed_day_nobody_of_the_store_works(shop, moment):
    store, guides, today = shop
    elsewhere = make_guide(make_store())
    for _time in range(2):
        services.set_store_closed(store=store, day=today, closed=True, actor=SYSTEM, now=moment)

    away = {one.guide_id for one in selectors.absences(days=[today])}

    assert away == {guide.pk for guide in guides}
    assert elsewhere.pk not in away
    assert StoreDay.objects.count() == 1
    services.set_store_closed(store=store, day=today, closed=False, actor=SYSTEM, now=moment)
    assert selectors.absences(days=[today]) == []


def test_a_cover_says_who_works_for_whom_and_where(shop, moment):
    store, (anna, bea, _carl), today = shop
    first = cover(store, anna, bea, today, today + 2 * DAY, moment)

    (absence,) = selectors.absences(days=[today])

    assert (absence.guide_id, absence.covering_id) == (anna.pk, bea.pk)
    assert absence.covering_store_id == store.pk
    assert absence.back_on == today + 3 * DAY
    assert cover(store, anna, bea, today, today + 2 * DAY, moment) == first


def test_a_covering_guide_who_is_off_that_day_covers_nobody(shop, moment):
    store, (anna, bea, _carl), today = shop
    cover(store, anna, bea, today, today + 2 * DAY, moment)
    off(bea, store, today + DAY, moment)

    found = {
        one.day: one
        for one in selectors.absences(days=[today, today + DAY])
        if one.guide_id == anna.pk
    }

    assert found[today].covering_id == bea.pk
    assert found[today + DAY].covering_id is None


def test_a_cover_is_refused_where_it_cannot_work(shop, moment):
    store, (anna, bea, carl), today = shop
    cover(store, anna, bea, today, today + DAY, moment)
    with pytest.raises(services.CoverOverlaps):
        cover(store, anna, carl, today + DAY, today + 3 * DAY, moment)
    with pytest.raises(services.CoverBySomebodyAway):
        cover(store, carl, anna, today, today, moment)
    with pytest.raises(services.CoverBySomebodyAway):
        cover(store, carl, carl, today, today, moment)
    with pytest.raises(services.NotPostedHere):
        cover(store, carl, make_guide(make_store()), today, today, moment)


def test_ending_a_cover_brings_the_guide_back_today(shop, moment):
    store, (anna, bea, carl), today = shop
    begun = cover(store, anna, bea, today, today + 5 * DAY, moment)
    later = moment + 2 * DAY
    for _time in range(2):
        services.end_cover(cover=begun, actor=SYSTEM, now=later)
    planned = cover(store, carl, bea, today + 4 * DAY, today + 5 * DAY, moment)
    services.end_cover(cover=planned, actor=SYSTEM, now=later)

    begun.refresh_from_db()
    assert begun.during == DateRange(today, today + 2 * DAY)
    assert list(Cover.objects.all()) == [begun]
    assert AuditEntry.objects.filter(action="cover.ended").count() == 2


def test_the_week_is_repeated_once(shop, moment):
    store, guides, today = shop
    off(guides[0], store, today, moment)
    off(guides[1], store, today + 3 * DAY, moment)

    made = [
        services.repeat_week(store=store, first=today + 7 * DAY, actor=SYSTEM, now=moment)
        for _time in range(2)
    ]

    assert made == [2, 0]
    assert set(DayOff.objects.values_list("guide_id", "day")) >= {
        (guides[0].pk, today + 7 * DAY),
        (guides[1].pk, today + 10 * DAY),
    }


def test_the_database_itself_keeps_covers_sound(shop):
    store, (anna, bea, carl), today = shop
    week = DateRange(today, today + 7 * DAY)
    Cover.objects.create(store=store, absent=anna, covering=bea, during=week)
    for wrong in (
        {"absent": anna, "covering": carl, "during": DateRange(today + DAY, today + 2 * DAY)},
        {"absent": carl, "covering": carl, "during": week},
        {"absent": carl, "covering": bea, "during": DateRange(today, None)},
        {"absent": carl, "covering": bea, "during": DateRange(today, today)},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Cover.objects.create(store=store, **wrong)


def test_the_grid_shows_each_day_of_everybody(shop, moment):
    store, (anna, bea, carl), today = shop
    off(carl, store, today + DAY, moment)
    cover(store, anna, bea, today, today, moment)
    services.set_store_closed(
        store=store, day=today + 2 * DAY, closed=True, actor=SYSTEM, now=moment
    )

    rows = selectors.duty_rows(store_id=store.pk, days=[today + n * DAY for n in range(3)])

    states = {row.guide.pk: [day.state for day in row.days] for row in rows}
    assert states == {
        anna.pk: ["covered", "on", "closed"],
        bea.pk: ["on", "on", "closed"],
        carl.pk: ["on", "off", "closed"],
    }
    covered = next(row for row in rows if row.guide == anna)
    assert covered.days[0].covered_by == bea.name
    assert next(row for row in rows if row.guide == bea).covers == [anna.name]


@pytest.mark.parametrize("guides", [2, 9])
def test_asking_who_is_away_costs_the_same_for_many(django_assert_max_num_queries, moment, guides):
    store, today = make_store(), moment.date()
    people = [make_guide(store) for _one in range(guides)]
    for guide in people[1:]:
        off(guide, store, today, moment)
    Cover.objects.create(
        store=store, absent=people[1], covering=people[0], during=DateRange(today, today + DAY)
    )
    with django_assert_max_num_queries(11):
        assert len(selectors.absences(days=[today])) == guides - 1
