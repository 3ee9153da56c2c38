"""排班, 分配, 离职/调店: what a manager does there, who may not, and what it costs to ask."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from psycopg.types.range import DateRange

from apps.guide_tasks.models import TaskTarget
from apps.handovers.models import Reassignment
from apps.members import services as members
from apps.members.models import FollowRelation, Member, ServingPeriod
from apps.outreach.models import GuideNotice
from apps.stores.models import Cover, DayOff, Posting, StoreDay
from apps.stores.services import guide_leaves
from tests.factories.facts import make_guide, make_members, make_store
from tests.factories.outreach import CORP
from tests.guide_portal.conftest import open_shop, signed_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def befriend(guide, people, now):
    members.start_follows(
        rows=[
            members.FollowRow(CORP, guide.pk, one.pk, f"wm{guide.pk}x{one.pk}", now - DAY)
            for one in people
        ],
        now=now - DAY,
    )


def cells(page):
    return re.findall(r'name="cell" value="([^"]+)"', page)


# --- 排班 ----------------------------------------------------------------------------------------


def test_one_tap_marks_a_day_off_and_one_takes_it_back(shop, managers_phone):
    address = url("mark_day", shop.guide.pk)
    today = shop.now.date().isoformat()
    for state, days in (("off", 1), ("off", 1), ("on", 0)):
        answer = managers_phone.post(address, {"cell": f"{today}:{state}"}, follow=True)
        assert answer.status_code == 200
        assert DayOff.objects.filter(guide=shop.guide).count() == days


def test_the_grid_offers_the_days_from_today_on(shop, managers_phone):
    page = managers_phone.get(url("duty")).content.decode()

    offered = cells(page)
    # seven days from today on, for the store, two guides and the manager
    assert len(offered) == 7 * 4
    assert all(one.partition(":")[0] >= shop.now.date().isoformat() for one in offered)


def test_with_htmx_the_grid_alone_comes_back(shop, managers_phone):
    answer = managers_phone.post(
        url("mark_day", shop.guide.pk),
        {"cell": f"{shop.now.date().isoformat()}:off"},
        headers={"HX-Request": "true"},
    )
    page = answer.content.decode()
    assert page.strip().startswith('<div class="live" id="duty">')
    assert f"{shop.now.date().isoformat()}:on" in cells(page)


def test_a_closed_day_of_the_store_closes_everybodys(shop, managers_phone):
    day = (shop.now.date() + DAY).isoformat()
    managers_phone.post(url("mark_store"), {"cell": f"{day}:closed"})

    assert StoreDay.objects.get().store == shop.store
    page = managers_phone.get(url("duty")).content.decode()
    assert [one for one in cells(page) if one.startswith(day)] == [f"{day}:open"]


def test_a_cover_is_begun_in_three_taps_and_ended_in_one(shop, managers_phone, act):
    today = shop.now.date()
    fields = act(covering=shop.colleague.pk, first=today.isoformat(), last=today.isoformat())
    for _time in range(2):
        managers_phone.post(url("start_cover", shop.guide.pk), fields)

    cover = Cover.objects.get()
    assert (cover.absent, cover.covering) == (shop.guide, shop.colleague)
    assert url("end_cover", cover.pk) in managers_phone.get(url("duty")).content.decode()
    managers_phone.post(url("end_cover", cover.pk))
    assert not Cover.objects.exists()


def test_the_week_before_is_repeated(shop, managers_phone):
    first = shop.now.date() + 7 * DAY
    DayOff.objects.create(guide=shop.guide, day=first - DAY)

    managers_phone.post(url("repeat_week"), {"first": first.isoformat(), "week": first})

    assert DayOff.objects.filter(guide=shop.guide, day=first + 6 * DAY).exists()


def test_a_refusal_says_what_to_do(shop, managers_phone, act):
    today = shop.now.date()
    DayOff.objects.create(guide=shop.colleague, day=today)
    fields = act(covering=shop.colleague.pk, first=today.isoformat(), last=today.isoformat())

    page = managers_phone.post(url("start_cover", shop.guide.pk), fields, follow=True)

    assert shop.colleague.name in page.content.decode().split("tip bad")[1][:400]
    assert not Cover.objects.exists()


@pytest.mark.parametrize("first", ["", "2026-02-30", "soon"])
def test_a_cover_without_its_days_says_what_is_missing(first, shop, managers_phone, act):
    fields = act(covering=shop.colleague.pk, first=first, last=shop.now.date().isoformat())

    page = managers_phone.post(url("start_cover", shop.guide.pk), fields, follow=True)

    assert "请选好开始和结束日期" in page.content.decode().split("tip bad")[1][:400]
    assert not Cover.objects.exists()


def test_people_and_covers_of_other_stores_are_not_there(shop, managers_phone, act):
    elsewhere = make_store(region="west")
    stranger = make_guide(elsewhere, corp=CORP)
    other = make_guide(elsewhere, corp=CORP)
    cover = Cover.objects.create(
        store=elsewhere, absent=stranger, covering=other,
        during=DateRange(shop.now.date(), shop.now.date() + DAY),
    )  # fmt: skip
    today = shop.now.date().isoformat()
    foreign = [
        (url("mark_day", stranger.pk), {"cell": f"{today}:off"}),
        (url("mark_store"), {"cell": f"{today}:closed", "store": elsewhere.pk}),
        (url("start_cover", shop.guide.pk), act(covering=other.pk, first=today, last=today)),
        (url("end_cover", cover.pk), {}),
        (url("give_work", stranger.pk), act(to="load")),
        (url("hand_over", stranger.pk), act(to="load")),
    ]
    for address, fields in foreign:
        assert managers_phone.post(address, fields).status_code == 404, address
    assert managers_phone.get(f"{url('duty')}?store={elsewhere.pk}").status_code == 404
    assert not DayOff.objects.exists()
    assert Cover.objects.count() == 1


def test_the_pages_are_a_managers_alone(shop, phone):
    for name in ("duty", "assign", "handover"):
        assert phone.get(url(name)).status_code == 403


# --- 分配 ----------------------------------------------------------------------------------------


@pytest.fixture
def unserved(shop):
    found = make_members(5)
    Member.objects.filter(pk__in=[one.pk for one in found]).update(home_store=shop.store)
    return found


def serving(people):
    rows = ServingPeriod.objects.current().filter(member__in=people)
    return dict(rows.values_list("member_id", "guide_id"))


def test_customers_of_nobody_are_shared_out_in_one_tap(shop, managers_phone, unserved, act):
    befriend(shop.guide, unserved[:1], shop.now)
    ServingPeriod.objects.filter(member=unserved[0]).delete()
    fields = act(to="load")
    for _time in range(2):
        managers_phone.post(url("assign_members"), fields)

    given = serving(unserved)
    assert len(given) == 5
    assert given[unserved[0].pk] == shop.guide.pk  # a friend already
    assert list(given.values()).count(shop.manager.pk) == 3  # who served nobody yet
    assert "0<small>" in managers_phone.get(url("assign")).content.decode()


def test_ticked_customers_go_to_one_colleague(shop, managers_phone, unserved, act):
    chosen = [one.pk for one in unserved[:2]]
    managers_phone.post(url("assign_members"), act(to=shop.colleague.pk, row=chosen))

    assert serving(unserved) == dict.fromkeys(chosen, shop.colleague.pk)


def test_a_customer_of_another_store_cannot_be_taken(shop, managers_phone, act):
    [foreign] = make_members(1)
    Member.objects.filter(pk=foreign.pk).update(home_store=make_store())
    managers_phone.post(url("assign_members"), act(to="load", row=[foreign.pk]))

    assert serving([foreign]) == {}


def test_who_does_not_work_here_gets_nobody(shop, managers_phone, unserved, act):
    stranger = make_guide(make_store(), corp=CORP)
    page = managers_phone.post(
        url("assign_members"), act(to=stranger.pk, row=[unserved[0].pk]), follow=True
    )
    assert "tip bad" in page.content.decode()
    assert serving(unserved) == {}


def test_open_work_goes_to_a_colleague_or_is_shared_out(shop, managers_phone, act):
    befriend(shop.colleague, shop.members, shop.now)
    first, *rest = shop.targets
    page = managers_phone.get(url("work", shop.guide.pk)).content.decode()
    assert page.count('name="row"') == 3
    assert shop.colleague.name in page

    fields = act(to=shop.colleague.pk, row=[first.pk])
    for _time in range(2):
        managers_phone.post(url("give_work", shop.guide.pk), fields)
    first.refresh_from_db()
    assert first.guide_id == shop.colleague.pk

    managers_phone.post(url("give_work", shop.guide.pk), act(to=shop.colleague.pk))
    assert TaskTarget.objects.filter(guide=shop.colleague).count() == 6
    assert managers_phone.get(url("work", shop.guide.pk)).status_code == 200


def test_who_is_nobody_elses_friend_cannot_be_ticked_and_the_page_says_so(shop, managers_phone):
    page = managers_phone.get(url("work", shop.guide.pk)).content.decode()
    assert page.count(" disabled>") == 3


# --- 离职/调店 -----------------------------------------------------------------------------------


def leave(shop):
    guide_leaves(guide=shop.guide, now=shop.now, on=shop.now.date())


def test_a_leavers_customers_are_handed_over_and_each_ones_state_is_shown(
    shop, managers_phone, act
):
    befriend(shop.colleague, shop.members[:1], shop.now)
    leave(shop)
    listed = managers_phone.get(url("handover")).content.decode()
    assert url("handover_of", shop.guide.pk) in listed

    fields = act(to=shop.colleague.pk)
    for _time in range(2):
        answer = managers_phone.post(url("hand_over", shop.guide.pk), fields, follow=True)

    assert serving(shop.members) == dict.fromkeys(
        [one.pk for one in shop.members], shop.colleague.pk
    )
    page = answer.content.decode()
    assert re.findall(r"<dd>(\d+)</dd>", page)[:3] == ["0", "2", "1"]
    assert FollowRelation.objects.current().filter(guide=shop.guide).count() == 3


def test_who_moved_to_another_store_is_listed_with_the_customers_left_behind(shop, managers_phone):
    posting = Posting.objects.get(guide=shop.guide)
    posting.during = DateRange(date(2020, 1, 1), shop.now.date())
    posting.save()
    Posting.objects.create(
        guide=shop.guide, store=make_store(), during=DateRange(shop.now.date(), None)
    )

    page = managers_phone.get(url("handover_of", shop.guide.pk)).content.decode()

    assert re.findall(r"<dd>(\d+)</dd>", page)[0] == "3"
    assert managers_phone.get(url("handover_of", shop.colleague.pk)).status_code == 404


# --- what all of them share -----------------------------------------------------------------------


def asked(client, address):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def grown_shop(now, guides):
    shop = open_shop(now, guides=guides, friends=guides)
    people = make_members(guides)
    Member.objects.filter(pk__in=[one.pk for one in people]).update(home_store=shop.store)
    for guide, mine in shop.team[1:]:
        DayOff.objects.create(guide=guide, day=now.date() + DAY)
        befriend(shop.guide, mine, now)
    Cover.objects.create(
        store=shop.store, absent=shop.team[1][0], covering=shop.guide,
        during=DateRange(now.date() + 3 * DAY, now.date() + 5 * DAY),
    )  # fmt: skip
    gone = shop.team[-1][0]
    guide_leaves(guide=gone, now=now, on=now.date())
    return shop, gone


def test_every_page_asks_as_often_for_a_large_store_as_for_a_small_one(fixed_clock):
    counts = []
    for guides in (3, 8):
        shop, gone = grown_shop(fixed_clock, guides)
        client = signed_in(shop.manager)
        client.get(url("duty"))
        counts.append(
            [
                asked(client, url("duty")),
                asked(client, url("assign")),
                asked(client, url("work", shop.guide.pk)),
                asked(client, url("handover")),
                asked(client, url("handover_of", gone.pk)),
            ]
        )
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 12, counts[0]


def test_pages_carry_titles_and_no_inline_code(shop, managers_phone):
    leave(shop)
    for address in (
        url("duty"), url("assign"), url("work", shop.colleague.pk), url("handover"),
        url("handover_of", shop.guide.pk),
    ):  # fmt: skip
        page = managers_phone.get(address).content.decode()
        assert re.search("<title>[^<]+</title>", page), address
        assert not re.search(r" (style|on\w+)=", page), address


# --- who is told ---------------------------------------------------------------------------------


def cards_of(guide):
    rows = GuideNotice.objects.filter(guide=guide).exclude(source__startswith="task_push:")
    return list(rows.order_by("pk").values_list("title", "path"))


def test_who_is_given_customers_gets_one_card_with_their_number(
    shop, managers_phone, unserved, act
):
    fields = act(to=shop.colleague.pk, row=[one.pk for one in unserved[:2]])
    for _time in range(2):
        managers_phone.post(url("assign_members"), fields)

    path = url("reassignment", Reassignment.objects.get().pk)
    assert cards_of(shop.colleague) == [("你新增了 2 位客户", path)]
    assert cards_of(shop.guide) == []
    told = GuideNotice.objects.get(source__startswith="reassignment:").body
    assert not any(one.name in told for one in unserved)


def test_a_leavers_customers_come_with_whose_they_were(shop, managers_phone, act):
    guide_leaves(guide=shop.guide, now=shop.now, on=shop.now.date())
    managers_phone.post(url("hand_over", shop.guide.pk), act(to=shop.colleague.pk))

    (card,) = GuideNotice.objects.filter(source__startswith="reassignment:")
    assert (card.guide, card.title) == (shop.colleague, "你新增了 3 位客户")
    assert card.body.startswith(f"原来由{shop.guide.name}服务")


def test_who_covers_hears_for_whom_and_until_when(shop, managers_phone, act):
    today = shop.now.date()
    last = today + 2 * DAY
    fields = act(covering=shop.colleague.pk, first=today.isoformat(), last=last.isoformat())
    for _time in range(2):
        managers_phone.post(url("start_cover", shop.guide.pk), fields)

    given = Reassignment.objects.get(cover=Cover.objects.get())
    (card,) = GuideNotice.objects.filter(source=str(given))
    assert (card.guide, card.title) == (shop.colleague, f"你为{shop.guide.name}代班")
    assert f"{today:%m-%d} 至 {last:%m-%d}" in card.body
