"""Who receives: roster, shifts, limit, backup, cover, leavers."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM
from apps.contact_codes import errors as codes_errors
from apps.contact_codes import services as codes
from apps.contact_codes.models import CodeAdd, GuideBar
from apps.contact_codes.services.duty import who_receives
from apps.core import clock
from apps.members.models import FollowRelation
from apps.stores.models import Cover, DayOff
from apps.stores.services import guide_leaves
from tests.contact_codes.conftest import made, reread, wanted
from tests.factories import outreach as make
from tests.factories.facts import make_guide, make_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db, fixed_clock):
    make.connect_corp()
    store = make_store()
    return store, [make_guide(store, corp=make.CORP) for _one in range(3)]


def receives(code, now):
    found, _roster = who_receives([reread(code)], now=now)
    return found[code.pk]


def ids(*guides):
    return {guide.pk for guide in guides}


def came_today(code, guide, count, now):
    for member, external in make.make_friends(guide, count, since=now):
        follow = FollowRelation.objects.get(external_userid=external)
        CodeAdd.objects.create(code=code, follow=follow, member=member, guide=guide, at=now)


def test_a_stores_code_leads_to_everybody_at_work(team, fixed_clock):
    store, (a, b, c) = team
    DayOff.objects.create(guide=b, day=clock.business_day(fixed_clock))
    code = made(store)

    assert set(receives(code, fixed_clock).guide_ids) == ids(a, c)
    assert code.wanted_users == sorted([a.wecom_userid, c.wecom_userid])


def test_shifts_choose_by_weekday_and_hour_among_those_at_work(team, fixed_clock):
    store, (a, b, c) = team
    weekday = clock.business_day(fixed_clock).isoweekday()
    code = made(
        store,
        shifts=[
            codes.Shift(a.pk, (weekday,), time(9), time(12)),
            codes.Shift(b.pk, (weekday,), time(12), time(21)),
            codes.Shift(c.pk, (weekday % 7 + 1,), time(9), time(21)),
        ],
    )
    noon = datetime(2026, 3, 18, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

    assert receives(code, fixed_clock).guide_ids == (a.pk,)
    assert receives(code, noon).guide_ids == (b.pk,)

    DayOff.objects.create(guide=b, day=clock.business_day(noon))
    assert receives(code, noon).stand_in


def test_who_has_reached_the_daily_limit_gets_no_more_until_tomorrow(team, fixed_clock):
    store, (a, b, c) = team
    code = made(store, daily_limit=2)
    came_today(code, a, 2, fixed_clock)
    came_today(code, b, 1, fixed_clock)

    assert set(receives(code, fixed_clock).guide_ids) == ids(b, c)
    tomorrow = fixed_clock + timedelta(days=1)
    assert set(receives(code, tomorrow).guide_ids) == ids(a, b, c)


def test_the_backup_receives_when_nobody_is_there(team, fixed_clock):
    store, guides = team
    backup = make_guide(make_store(), corp=make.CORP)
    for guide in guides:
        DayOff.objects.create(guide=guide, day=clock.business_day(fixed_clock))
    code = made(store, backup_id=backup.pk)

    assert receives(code, fixed_clock).guide_ids == (backup.pk,)
    assert reread(code).nobody_since == fixed_clock


def test_without_a_backup_those_who_had_it_keep_it(team, fixed_clock):
    store, (a, b, c) = team
    code = made(store)
    type(code).objects.filter(pk=code.pk).update(pushed_users=[b.wecom_userid])
    for guide in (a, b, c):
        DayOff.objects.create(guide=guide, day=clock.business_day(fixed_clock))

    found = receives(code, fixed_clock)

    assert (found.guide_ids, found.stand_in) == ((b.pk,), True)


def test_a_guides_own_code_follows_the_cover_and_comes_back(team, fixed_clock):
    store, (a, b, _c) = team
    day = clock.business_day(fixed_clock)
    code = made(kind="guide", guide_id=a.pk)
    Cover.objects.create(store=store, absent=a, covering=b, during=(day, day + timedelta(days=1)))

    assert code.store_id == store.pk
    assert receives(code, fixed_clock).guide_ids == (b.pk,)
    assert receives(code, fixed_clock + timedelta(days=1)).guide_ids == (a.pk,)


def test_a_leavers_code_leads_to_the_colleagues_then_to_the_successor(team, fixed_clock):
    store, (a, b, c) = team
    code = made(kind="guide", guide_id=a.pk)
    guide_leaves(guide=a, now=fixed_clock, on=clock.business_day(fixed_clock))

    assert set(receives(code, fixed_clock).guide_ids) == ids(b, c)

    said = {"guide_id": a.pk, "successor_id": c.pk, "actor": SYSTEM, "now": fixed_clock}
    assert codes.point_to_successor(**said) == [code.pk]
    assert codes.point_to_successor(**said) == []
    assert receives(code, fixed_clock).guide_ids == (c.pk,)


def test_a_guide_whom_wecom_refuses_is_left_out_for_a_while(team, fixed_clock):
    store, (a, b, c) = team
    code = made(store)
    GuideBar.objects.create(guide=a, errcode=41054, until=fixed_clock + timedelta(hours=12))

    assert set(receives(code, fixed_clock).guide_ids) == ids(b, c)
    assert a.pk in receives(code, fixed_clock + timedelta(hours=13)).guide_ids


def test_any_number_of_codes_takes_the_same_queries(team, fixed_clock):
    store, _guides = team

    def queries(count):
        for number in range(count):
            made(store, channel=f"渠道{count}-{number}", daily_limit=3)
        with CaptureQueriesContext(connection) as seen:
            codes.refresh_duty(now=fixed_clock)
        return len(seen)

    assert queries(2) == queries(12)


def test_only_what_changed_becomes_due(team, fixed_clock):
    store, (a, _b, _c) = team
    code, other = made(store), made(make_store(), channel="官网")
    type(code).objects.update(due_at=None)

    assert codes.refresh_duty(now=fixed_clock) == 0
    DayOff.objects.create(guide=a, day=clock.business_day(fixed_clock))
    assert codes.refresh_duty(now=fixed_clock) == 1
    assert reread(code).due_at == fixed_clock
    assert reread(other).due_at is None


def test_a_code_without_people_and_a_second_one_of_a_store_are_refused(team, fixed_clock):
    store, _guides = team
    made(store)

    for broken in (wanted(store), wanted(kind="chain"), wanted(kind="guide")):
        with pytest.raises((codes_errors.OneCodeAlready, codes_errors.CodeIncomplete)):
            codes.create_code(wanted=broken, corp_id=make.CORP, actor=SYSTEM, now=fixed_clock)


def test_every_live_store_gets_its_code_once(team, fixed_clock):
    store, _guides = team
    second = make_store(region="west")
    make_guide(second, corp=make.CORP)
    made(store)
    fields = {"region_id": None, "corp_id": make.CORP, "actor": SYSTEM, "now": fixed_clock}

    first = codes.make_store_codes(wanted=wanted(), **fields)
    again = codes.make_store_codes(wanted=wanted(), **fields)

    assert (first.made, first.there, again.made) == (1, 1, 0)
