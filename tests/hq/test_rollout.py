"""上线范围: what is not switched on does not happen, and says so; what is, begins at once."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry
from apps.guide_portal import sign_in
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import AssignBy, NotIssued, TaskItem, TaskTarget
from apps.guide_tasks.services import rules
from apps.hq import rollout
from apps.members.models import FollowRelation
from apps.outreach import services as outreach
from apps.outreach.models import GuideNotice
from apps.stores.models import Guide, Store
from apps.stores.rollout import switch_stores
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide
from apps.wecom.models import ConnectionCheck, CorpApp
from apps.wecom.services import ensure_demo_corp
from apps.wecom_sync.models import SyncRun
from tests.factories.facts import make_guide, make_store
from tests.factories.items import make_item_push
from tests.factories.outreach import CORP
from tests.factories.tasks import hand_out, make_push, make_team, members_of
from tests.hq.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db, fixed_clock):
    return signed_in(Role.HQ_ADMIN)


def off(*stores, now):
    ids = [store.pk for store in stores]
    switch_stores(store_ids=ids, live=False, actor=SYSTEM, now=now)


def team_in(store, now):
    return make_team(now, guides=2, friends=2, store=store)


def test_a_new_installation_says_what_comes_first_until_somebody_works_in_a_store(
    admin, simulator, fixed_clock
):
    home = reverse("admin:index")
    page = admin.get(home).content.decode()
    assert page.count("待完成") == 4
    assert reverse("hq:connections") in page
    assert "上线前的准备" not in signed_in(Role.HQ_OPERATOR).get(home).content.decode()

    ensure_demo_corp()
    store = make_store()
    off(store, now=fixed_clock)
    Store.objects.update(wecom_department_id=7)
    make_guide(store)
    SyncRun.objects.create(kind="departments", state="done", started_at=fixed_clock)
    page = admin.get(home).content.decode()
    assert (page.count("已完成"), page.count("待完成")) == (1, 3)  # an app is no checked app

    SyncRun.objects.update(dry=True)
    ConnectionCheck.objects.create(
        app=CorpApp.objects.get(), step="callable", state="ok", checked_at=fixed_clock
    )
    page = admin.get(home).content.decode()
    assert (page.count("已完成"), page.count("待完成")) == (3, 1)

    switch_stores(store_ids=[store.pk], live=True, actor=SYSTEM, now=fixed_clock)
    assert "上线前的准备" not in admin.get(home).content.decode()


def test_a_push_leaves_out_the_stores_that_wait_and_names_the_reason(fixed_clock):
    pilot, later = make_store(), make_store()
    inside, outside = team_in(pilot, fixed_clock), team_in(later, fixed_clock)
    off(later, now=fixed_clock)

    push = hand_out([*members_of(inside), *members_of(outside)], fixed_clock)

    issued = set(TaskTarget.objects.filter(push=push).values_list("member_id", flat=True))
    assert issued == {member.pk for member in members_of(inside)}
    left_out = NotIssued.objects.filter(push=push)
    assert set(left_out.values_list("reason", flat=True)) == {"not_live"}
    assert left_out.count() == 4
    assert left_out.first().sentence == "门店尚未上线"
    assert not GuideNotice.objects.filter(guide__in=[guide for guide, _m in outside]).exists()


def test_the_forecast_is_the_hand_out(fixed_clock):
    pilot, later = make_store(), make_store()
    both = [*members_of(team_in(pilot, fixed_clock)), *members_of(team_in(later, fixed_clock))]
    off(later, now=fixed_clock)
    push = make_push(both, fixed_clock)

    counted = guide_tasks.forecast(push=push, now=fixed_clock)
    handed_out = guide_tasks.hand_out(push=push, now=fixed_clock, actor=SYSTEM)

    assert (counted.planned, counted.refused, counted.issued) == (8, {"not_live": 4}, 4)
    assert (handed_out.refused, handed_out.issued) == (counted.refused, counted.issued)
    assert handed_out.changes == []


def test_of_two_friends_the_one_in_a_live_store_gets_the_member(fixed_clock):
    pilot, later = make_store(), make_store()
    ((serving, (member, *_more)), _other) = team_in(later, fixed_clock)
    friend = make_guide(pilot, corp=CORP)
    FollowRelation.objects.create(
        corp_id=CORP, guide=friend, member=member, external_userid="wmBoth", since=fixed_clock
    )
    off(later, now=fixed_clock)

    push = hand_out([member], fixed_clock, assign_by=AssignBy.FRIEND)

    assert TaskTarget.objects.get(push=push).guide == friend


def test_work_without_customers_goes_to_live_stores_alone(fixed_clock):
    pilot, later = make_store(), make_store()
    inside = team_in(pilot, fixed_clock)
    team_in(later, fixed_clock)
    off(later, now=fixed_clock)

    push = make_item_push(fixed_clock)

    given = TaskItem.objects.filter(push=push).values_list("guide_id", flat=True)
    assert set(given) == {guide.pk for guide, _members in inside}


def test_rules_leave_waiting_stores_alone_and_count_nobody_there_as_refused(fixed_clock):
    pilot, later = make_store(), make_store()
    team_in(later, fixed_clock)
    ((guide, (member, *_more)), _other) = team_in(pilot, fixed_clock)
    FollowRelation.objects.update(since=fixed_clock)
    off(later, now=fixed_clock)
    rules.ensure_default_rules(now=fixed_clock)

    made = rules.greet_new_friends(now=fixed_clock)

    assert made == 4
    assert set(TaskTarget.objects.values_list("store_id", flat=True)) == {pilot.pk}
    assert not NotIssued.objects.exists()


def test_a_guide_of_a_waiting_store_is_told_in_friendly_words(fixed_clock):
    store = make_store()
    ((guide, _members), _other) = team_in(store, fixed_clock)
    user = user_of_guide(guide=guide)
    phone = Client()
    phone.force_login(user)
    assert phone.get("/g/").status_code == 200

    off(store, now=fixed_clock)

    assert actor_for(user=user, now=fixed_clock).capabilities == frozenset()
    assert phone.get("/g/").status_code == 302
    with pytest.raises(sign_in.StoreNotLive, match=store.name):
        sign_in.guide_user(corp_id=guide.corp_id, wecom_userid=guide.wecom_userid, now=fixed_clock)


def test_cards_for_guides_of_a_waiting_store_are_not_queued(fixed_clock):
    pilot, later = make_store(), make_store()
    inside, outside = team_in(pilot, fixed_clock), team_in(later, fixed_clock)
    off(later, now=fixed_clock)

    queued = outreach.queue_guide_notices(
        source="test:1",
        rows=[(guide.pk, "t", "b", "/g/") for guide, _members in [*inside, *outside]],
        now=fixed_clock,
    )

    assert queued == 2


def test_switching_a_region_on_is_shown_before_audited_and_told_to_its_guides(admin, fixed_clock):
    stores = [make_store(region="west"), make_store(region="west")]
    for store in stores:
        team_in(store, fixed_clock)
    off(*stores, now=fixed_clock)
    AuditEntry.objects.all().delete()
    region = stores[0].region_id
    page = admin.get(reverse("hq:rollout_region", args=[region])).content.decode()
    assert "2 家门店将上线" in page
    assert "4 位导购" in page
    assert "8 位会员" in page

    for _time in range(2):
        admin.post(reverse("hq:rollout_switch", args=[region]), {"live": "yes"})

    assert not Store.objects.not_live().exists()
    written = AuditEntry.objects.filter(action="store.live").values_list("object_id", flat=True)
    assert sorted(written) == sorted(str(store.pk) for store in stores)
    assert GuideNotice.objects.filter(source__startswith="store_live:").count() == 4
    assert "2 / 2" not in page
    overview = admin.get(reverse("hq:rollout")).content.decode()
    assert "2 家门店中 2 家已上线" in overview


def test_one_store_is_switched_and_the_others_stay(admin, fixed_clock):
    one, other = make_store(), make_store()
    off(one, other, now=fixed_clock)

    admin.post(reverse("hq:rollout_switch", args=[one.region_id]), {"live": "yes", "store": one.pk})

    assert list(Store.objects.not_live()) == [other]


def test_an_operator_sees_but_does_not_switch(fixed_clock):
    one = make_store()
    client = signed_in(Role.HQ_OPERATOR)

    assert client.get(reverse("hq:rollout_region", args=[one.region_id])).status_code == 200
    answer = client.post(reverse("hq:rollout_switch", args=[one.region_id]), {"live": "no"})

    assert answer.status_code == 403
    assert not Store.objects.not_live().exists()


def test_a_new_store_waits_where_a_pilot_runs(settings):
    settings.NEW_STORES_LIVE = False

    assert make_store().live_since is None


@pytest.mark.parametrize("stores", [1, 6])
def test_the_regions_page_asks_as_often_for_many_stores(stores, fixed_clock, assert_rows):
    for _number in range(stores):
        team_in(make_store(region="north"), fixed_clock)
    region = Store.objects.first().region
    assert_rows(region)


@pytest.fixture
def assert_rows(django_assert_num_queries, fixed_clock):
    def check(region):
        with django_assert_num_queries(4):
            rows = rollout.store_rows(region=region, actor=SYSTEM, now=fixed_clock)
        assert sum(row.guides for row in rows) == Guide.objects.count()

    return check
