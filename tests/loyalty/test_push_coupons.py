"""A push carries a coupon: from the wizard over guide, customer and till to the result."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.formats import date_format

from apps.accounts.actor import SYSTEM
from apps.accounts.services import create_api_key
from apps.campaigns.models import Campaign, new_salt
from apps.campaigns.selectors import bucket
from apps.core import clock
from apps.guide_tasks import services
from apps.guide_tasks.errors import CouponHadAlready, CouponNotGiven, IllegalMove, PushNotReady
from apps.guide_tasks.models import State, TaskPush, TaskTarget
from apps.guide_tasks.services import push_coupons, pushes, recalling, series
from apps.loyalty.models import CouponIssue
from apps.loyalty.selectors import batch_figures, coupons_of
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, TrackedLink
from apps.timeline.models import Kind, MemberEvent
from apps.wecom_sync.services import poll_results
from tests.factories import outreach as make
from tests.factories.coupons import give, make_coupon
from tests.factories.facts import make_product, make_store
from tests.factories.tasks import (
    guide_actor,
    hand_out,
    make_push,
    make_team,
    manager_actor,
    members_of,
    tap,
    target_of,
)
from tests.guide_portal.conftest import signed_in
from tests.ingest.test_batches import ORDERS, order, post
from tests.loyalty.test_giving_pages import customers_browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(fixed_clock):
    return make_team(fixed_clock, guides=1, friends=4)


@pytest.fixture
def people(team):
    return members_of(team)


@pytest.fixture
def late_morning(simulator):
    """Eleven o'clock of a coming day, here and in WeCom."""
    moment = clock.day_start(clock.today() + timedelta(days=1)) + timedelta(hours=11)
    simulator.post("/sim/clock", now=moment.timestamp())
    with clock.at(moment):
        yield moment
    simulator.post("/sim/clock", reset=True)


def send_all(task, now):
    return services.send_to_task(
        task=task, actor=guide_actor(task.guide, now), now=now, client_id=uuid.uuid4()
    )


def test_from_the_wizard_to_the_sale_and_back_into_the_result(
    admin_client, simulator, late_morning
):
    now = late_morning
    make.connect_corp()
    guide = make.make_posted_guide(simulator=simulator)
    friends = make.make_friends(guide, 3, simulator=simulator)
    members = [member for member, _external in friends]
    draft = make_push(members, now)
    coupon = make_coupon(stock=2, for_guides=False)

    what = reverse("hq:push_step", args=[draft.pk, 2])
    assert coupon.name in admin_client.get(what).content.decode()
    texts = {"title": "到店礼", "body": "{称呼}，到新了。", "generic_body": "到新了。"}
    admin_client.post(what, {**texts, "coupon": coupon.pk, "next": "1"})
    check = admin_client.get(reverse("hq:push_step", args=[draft.pk, 6])).content.decode()
    assert f"券「{coupon.name}」库存 2 张，可触达 3 位" in check
    admin_client.post(reverse("hq:push_step", args=[draft.pk, 6]), {"hand_out": "1"})

    task = target_of(draft, members[0]).task
    phone = signed_in(guide)
    card = reverse("guide_portal:task", args=[task.pk])
    assert coupon.name in phone.get(card).content.decode()
    one = reverse("guide_portal:target", args=[target_of(draft, members[0]).pk])
    assert coupon.name in phone.get(one).content.decode()
    tap_id = str(uuid.uuid4())
    for _tap in range(2):
        phone.post(reverse("guide_portal:send_task", args=[task.pk]), {"client_id": tap_id})
    assert CouponIssue.objects.count() == 2
    dispatch = Dispatch.objects.get()
    assert "送您一张券" in dispatch.text
    outreach.send_queued(now=now)
    dispatch.refresh_from_db()
    simulator.post("/sim/sends/confirm", userid=guide.wecom_userid, msgid=dispatch.msgid)
    poll_results(now=now + timedelta(minutes=6))

    states = TaskTarget.objects.filter(push=draft).values_list("state", flat=True)
    assert sorted(states) == sorted([State.DONE, State.DONE, State.OPEN])
    issue = CouponIssue.objects.order_by("pk").first()
    page = customers_browser(issue.member).get(TrackedLink.objects.get().page)
    assert issue.printed_code in page.content.decode()
    make_product("SKU1")
    key = create_api_key(
        name="till", scopes=["api_write_orders"], created_by=None, chain_wide=True
    )[1]
    store = TaskTarget.objects.filter(push=draft).first().store
    sale = order(
        "P1", net=35_000, store_code=store.code, paid_at=clock.now().isoformat(),
        member=str(issue.member.public_id), coupon_codes=[issue.code],
    )  # fmt: skip
    told = post(ORDERS, [sale], key).json()["results"][0]["coupons"]
    result = admin_client.get(reverse("hq:push", args=[draft.pk])).content.decode()

    assert [one["status"] for one in told] == ["used"]
    issue.refresh_from_db()
    assert (issue.guide, issue.batch) == (guide, draft.source)
    for name, words in (("issued", "2"), ("opened", "1"), ("used", "1"), ("net_fen", "¥350.00")):
        assert f'data-count="coupon.{name}">{words}<' in result


def test_one_tap_gives_one_a_retry_none_and_the_link_leads_to_ones_coupons(people, fixed_clock):
    coupon = make_coupon()
    push = hand_out(people, fixed_clock, coupon=coupon)
    target = target_of(push, people[0])

    dispatch = tap(target, fixed_clock)
    dispatch.recipients.update(state="not_sent")
    TaskTarget.objects.filter(pk=target.pk).update(state=State.OPEN)
    tap(target, fixed_clock)

    issue = CouponIssue.objects.get()
    coupon.refresh_from_db()
    assert (issue.cause, issue.guide_id, coupon.issued) == (target.source, target.guide_id, 1)
    assert {link.page for link in TrackedLink.objects.all()} == {reverse("member_portal:coupons")}
    assert reverse("member_portal:coupons") == push_coupons.MY_COUPONS


def test_a_control_member_and_whom_nobody_wrote_to_get_none(people, fixed_clock):
    draft = make_push(people, fixed_clock, coupon=make_coupon(), control_share_bp=5_000)
    held_out = set()
    while len(held_out) != 1:  # one of the four by this salt
        Campaign.objects.filter(pk=draft.campaign_id).update(salt=(salt := new_salt()))
        held_out = {one.pk for one in people if bucket(salt, one.pk) < 5_000}
    pushes.hand_out(push=TaskPush.objects.get(pk=draft.pk), now=fixed_clock, actor=SYSTEM)
    targets = TaskTarget.objects.filter(push=draft)

    send_all(targets[0].task, fixed_clock)

    given = set(CouponIssue.objects.values_list("member_id", flat=True))
    assert given == {one.pk for one in people} - held_out


def test_who_holds_one_is_told_of_it_who_used_it_is_left_out(team, people, fixed_clock):
    guide, coupon = team[0][0], make_coupon()
    holds, used = (give(coupon, member, fixed_clock, guide=guide) for member in people[:2])
    CouponIssue.objects.filter(pk=used.pk).update(used_at=fixed_clock, handed_by=guide)
    push = hand_out(people, fixed_clock, coupon=coupon)

    dispatch = send_all(target_of(push, people[0]).task, fixed_clock)

    told = set(dispatch.recipients.values_list("member_id", flat=True))
    assert told == {people[0].pk, people[2].pk, people[3].pk}
    assert CouponIssue.objects.filter(member=people[0]).get() == holds
    with pytest.raises(CouponHadAlready):
        tap(target_of(push, people[1]), fixed_clock)


def day_words(issue):
    return date_format(issue.last_day)


def test_who_got_one_before_reads_of_the_last_day_of_that_one(team, people, fixed_clock):
    coupon = make_coupon(valid_days=7)
    before = fixed_clock - timedelta(days=3)
    holds = give(coupon, people[0], before, guide=team[0][0])
    push = hand_out(people, fixed_clock, coupon=coupon)

    old = tap(target_of(push, people[0]), fixed_clock)
    new = tap(target_of(push, people[1]), fixed_clock)

    fresh = CouponIssue.objects.get(member=people[1])
    assert holds.last_day < fresh.last_day
    assert f"有效期至 {day_words(holds)}" in old.text
    assert f"有效期至 {day_words(fresh)}" in new.text


def test_a_message_sent_again_names_the_day_of_the_first(people, fixed_clock):
    later = fixed_clock + timedelta(days=1)
    push = hand_out(people, fixed_clock, coupon=make_coupon(valid_days=7))
    target = target_of(push, people[0])
    tap(target, fixed_clock).recipients.update(state="not_sent")
    TaskTarget.objects.filter(pk=target.pk).update(state=State.OPEN)

    again = tap(target, later)

    assert f"有效期至 {day_words(CouponIssue.objects.get())}" in again.text


@pytest.mark.parametrize("gift", [False, True])
def test_one_text_to_many_with_different_days_names_none(team, people, fixed_clock, gift):
    by_hand = {"benefit": "gift", "gift": "鞋油", "off_fen": 0, "from_fen": 0, "by_hand": True}
    coupon = make_coupon(valid_days=7, **(by_hand if gift else {}))
    give(coupon, people[0], fixed_clock - timedelta(days=3), guide=team[0][0])
    mixed = hand_out(people, fixed_clock, coupon=coupon)

    text = send_all(target_of(mixed, people[0]).task, fixed_clock).text

    assert coupon.name in text
    assert "有效期至" not in text
    assert ("当面交给您" if gift else "点开链接看有效期") in text


def test_without_a_coupon_left_no_message_goes_out(people, fixed_clock):
    coupon = make_coupon(stock=1)
    push = hand_out(people, fixed_clock, coupon=coupon)
    tap(target_of(push, people[0]), fixed_clock)

    with pytest.raises(CouponNotGiven):
        tap(target_of(push, people[1]), fixed_clock)

    assert (Dispatch.objects.count(), CouponIssue.objects.count()) == (1, 1)
    assert target_of(push, people[1]).state == State.OPEN


def test_a_coupon_of_other_stores_is_not_given(people, fixed_clock):
    push = hand_out(people, fixed_clock, coupon=make_coupon(stores=[make_store()]))

    with pytest.raises(CouponNotGiven):
        tap(target_of(push, people[0]), fixed_clock)

    assert not CouponIssue.objects.exists()


def test_taken_back_before_the_message_left_the_coupon_ends(people, fixed_clock):
    push = hand_out(people, fixed_clock, coupon=make_coupon())
    waiting, confirmed = (target_of(push, member) for member in people[:2])
    tap(waiting, fixed_clock)
    left = tap(confirmed, fixed_clock)
    Dispatch.objects.filter(pk=left.pk).update(state=Dispatch.State.SENT)

    recalling.withdraw_push(push=push, actor=SYSTEM, now=fixed_clock)

    ends = dict(CouponIssue.objects.values_list("member_id", "expires_at"))
    assert ends[people[0].pk] == fixed_clock
    assert ends[people[1].pk] > fixed_clock
    with pytest.raises(IllegalMove):
        tap(target_of(push, people[2]), fixed_clock)
    assert CouponIssue.objects.count() == 2


@pytest.fixture
def held_by_wecom(simulator, late_morning):
    """A message with a coupon to two customers: WeCom has it, the guide has not confirmed it."""
    make.connect_corp()
    guide = make.make_posted_guide(simulator=simulator)
    members = [member for member, _external in make.make_friends(guide, 2, simulator=simulator)]
    push = hand_out(members, late_morning, coupon=make_coupon())
    dispatch = send_all(target_of(push, members[0]).task, late_morning)
    outreach.send_queued(now=late_morning)
    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.HANDED_OVER
    return push, members, dispatch


def test_what_wecom_holds_keeps_its_coupon_until_wecom_has_stopped_it(held_by_wecom, late_morning):
    push, _members, _dispatch = held_by_wecom
    recalling.withdraw_push(push=push, actor=SYSTEM, now=late_morning)
    promised = CouponIssue.objects.usable(at=late_morning).count()

    for minutes in (1, 2):
        poll_results(now=late_morning + timedelta(minutes=minutes))

    push.coupon.refresh_from_db()
    states = {one.state(now=late_morning) for one in CouponIssue.objects.all()}
    assert (promised, push.coupon.issued) == (2, 0)
    assert states == {CouponIssue.State.WITHDRAWN}


def test_a_message_that_went_out_after_all_leaves_its_coupon(
    held_by_wecom, late_morning, simulator
):
    push, members, dispatch = held_by_wecom
    target = target_of(push, members[0])
    recalling.withdraw_target(
        target=target,
        why="已到店",
        actor=manager_actor(target.guide, target.store, late_morning),
        now=late_morning,
    )
    userid = target.guide.wecom_userid
    simulator.post("/sim/sends/confirm", userid=userid, msgid=dispatch.msgid)
    poll_results(now=late_morning + timedelta(minutes=6))

    push.coupon.refresh_from_db()
    assert target_of(push, members[0]).state == State.NOT_APPLICABLE
    assert push.coupon.issued == 2
    assert CouponIssue.objects.usable(at=late_morning).count() == 2


def test_what_was_taken_back_unseen_is_in_stock_and_given_again_by_another_push(
    people, fixed_clock
):
    coupon = make_coupon(stock=1)
    push = hand_out(people[:1], fixed_clock, coupon=coupon)
    tap(target_of(push, people[0]), fixed_clock)
    for _time in range(2):
        recalling.withdraw_push(push=push, actor=SYSTEM, now=fixed_clock)
    coupon.refresh_from_db()
    taken = CouponIssue.objects.get()

    later = fixed_clock + timedelta(hours=1)
    second = hand_out(people[:1], later, coupon=coupon)
    tap(target_of(second, people[0]), later)

    assert (coupon.issued, taken.withdrawn_at) == (0, fixed_clock)
    assert taken.state(now=later) == CouponIssue.State.WITHDRAWN
    assert batch_figures(batch=push.source).issued == 0
    assert batch_figures(batch=second.source).issued == 1
    assert [one.batch for one in coupons_of(member_ids=[people[0].pk])] == [second.source]


def test_the_story_says_that_a_coupon_was_taken_back(admin_client, people, fixed_clock):
    push = hand_out(people[:1], fixed_clock, coupon=make_coupon())
    tap(target_of(push, people[0]), fixed_clock)

    for _time in range(2):
        recalling.withdraw_push(push=push, actor=SYSTEM, now=fixed_clock)

    events = MemberEvent.objects.filter(member_id=people[0].pk, kind__startswith="coupon.")
    kinds = list(events.order_by("id").values_list("kind", flat=True))
    assert kinds == [Kind.COUPON_GIVEN, Kind.COUPON_WITHDRAWN]
    page = admin_client.get(reverse("hq:member", args=[people[0].public_id])).content.decode()
    assert "券已收回，消息没有发出" in page


def test_a_coupon_that_a_second_push_promised_again_outlives_the_first(
    people, fixed_clock, settings
):
    settings.CONTACT_ONE_PLAN = False
    coupon = make_coupon(stock=1)
    first, second = (hand_out(people[:1], fixed_clock, coupon=coupon) for _push in range(2))
    tap(target_of(first, people[0]), fixed_clock)
    told = tap(target_of(second, people[0]), fixed_clock)

    recalling.withdraw_push(push=first, actor=SYSTEM, now=fixed_clock)

    coupon.refresh_from_db()
    issue = CouponIssue.objects.get()
    assert coupon.name in told.text
    assert issue.cause == target_of(first, people[0]).source
    assert (issue.state(now=fixed_clock), coupon.issued) == (CouponIssue.State.USABLE, 1)


@pytest.mark.parametrize("first_gone", [0, 1])
def test_a_coupon_ends_with_the_last_of_the_pushes_that_promised_it(
    people, fixed_clock, settings, first_gone
):
    settings.CONTACT_ONE_PLAN = False
    coupon = make_coupon(stock=1)
    both = [hand_out(people[:1], fixed_clock, coupon=coupon) for _push in range(2)]
    for push in both:
        tap(target_of(push, people[0]), fixed_clock)
    left = []
    for push in (both[first_gone], both[1 - first_gone]):
        recalling.withdraw_push(push=push, actor=SYSTEM, now=fixed_clock)
        coupon.refresh_from_db()
        left.append((coupon.issued, CouponIssue.objects.get().state(now=fixed_clock)))

    assert left == [(1, CouponIssue.State.USABLE), (0, CouponIssue.State.WITHDRAWN)]
    assert batch_figures(batch=both[0].source).issued == 0


def test_a_coupon_that_its_guide_told_of_once_more_outlives_the_push(people, fixed_clock):
    coupon = make_coupon(stock=1)
    push = hand_out(people[:1], fixed_clock, coupon=coupon)
    target = target_of(push, people[0])
    tap(target, fixed_clock).recipients.update(state="not_sent")
    TaskTarget.objects.filter(pk=target.pk).update(state=State.OPEN)
    services.say_again(
        member=people[0],
        issue_id=CouponIssue.objects.get().pk,
        page=push_coupons.MY_COUPONS,
        actor=guide_actor(target.guide, fixed_clock),
        now=fixed_clock,
        client_id=uuid.uuid4(),
    )

    recalling.withdraw_push(push=push, actor=SYSTEM, now=fixed_clock)

    coupon.refresh_from_db()
    assert target_of(push, people[0]).state == State.NOT_APPLICABLE
    assert CouponIssue.objects.get().state(now=fixed_clock) == CouponIssue.State.USABLE
    assert coupon.issued == 1


def in_order_held(asked):
    """The tables whose rows these statements hold, each at its first time."""
    held = [one["sql"] for one in asked if "FOR UPDATE" in one["sql"]]
    tables = (TaskTarget._meta.db_table, CouponIssue._meta.db_table)
    return list(dict.fromkeys(name for sql in held for name in tables if name in sql))


HELD_FIRST_THE_TARGET = [TaskTarget._meta.db_table, CouponIssue._meta.db_table]


def test_an_order_holds_the_targets_before_its_coupon_as_a_send_does(people, fixed_clock):
    push = hand_out(people[:1], fixed_clock, coupon=make_coupon())
    target = target_of(push, people[0])
    tap(target, fixed_clock)
    make_product("SKU1")
    key = create_api_key(
        name="till", scopes=["api_write_orders"], created_by=None, chain_wide=True
    )[1]
    sale = order(
        "P1", net=35_000, store_code=target.store.code, paid_at=fixed_clock.isoformat(),
        member=str(people[0].public_id), coupon_codes=[CouponIssue.objects.get().code],
    )  # fmt: skip

    with CaptureQueriesContext(connection) as asked:
        told = post(ORDERS, [sale], key).json()["results"][0]["coupons"]

    assert [one["status"] for one in told] == ["used"]
    assert in_order_held(asked) == HELD_FIRST_THE_TARGET


def test_who_opens_their_coupons_holds_the_targets_before_them(people, fixed_clock):
    push = hand_out(people[:1], fixed_clock, coupon=make_coupon())
    tap(target_of(push, people[0]), fixed_clock)

    with CaptureQueriesContext(connection) as asked:
        services.coupons_opened(member_ids=[people[0].pk], now=fixed_clock)

    assert target_of(push, people[0]).engaged_at == fixed_clock
    assert in_order_held(asked) == HELD_FIRST_THE_TARGET


def test_what_the_customer_saw_stays_when_the_push_is_taken_back(people, fixed_clock):
    coupon = make_coupon()
    push = hand_out(people, fixed_clock, coupon=coupon)
    tap(target_of(push, people[0]), fixed_clock)
    CouponIssue.objects.update(opened_at=fixed_clock)

    recalling.withdraw_push(push=push, actor=SYSTEM, now=fixed_clock)

    coupon.refresh_from_db()
    assert (coupon.issued, CouponIssue.objects.get().withdrawn_at) == (1, None)


def test_a_stopped_coupon_lets_no_push_out_and_a_copy_carries_it(people, fixed_clock):
    coupon = make_coupon()
    push = make_push(people, fixed_clock, coupon=coupon)
    copied = series.copy_push(
        push=push, title="再来一次", run=push.segment_run, actor=SYSTEM, now=fixed_clock
    )
    coupon.is_active = False
    coupon.save()

    assert copied.coupon == coupon
    with pytest.raises(PushNotReady):
        pushes.hand_out(push=push, now=fixed_clock, actor=SYSTEM)


@pytest.mark.parametrize("fate", [{"is_active": False}, {"issued": 100}])
def test_the_wizard_keeps_a_chosen_coupon_that_ran_out_and_offers_it_to_no_other(
    admin_client, people, fixed_clock, fate
):
    coupon = make_coupon()
    push, other = make_push(people, fixed_clock, coupon=coupon), make_push(people, fixed_clock)
    type(coupon).objects.filter(pk=coupon.pk).update(**fate)
    page = reverse("hq:push_step", args=[push.pk, 2])
    texts = {"title": "到店礼", "body": "到新了。", "generic_body": "到新了。", "next": "1"}

    shown = admin_client.get(page).content.decode()
    admin_client.post(page, {**texts, "coupon": coupon.pk})
    push.refresh_from_db()
    kept = push.coupon
    admin_client.post(page, {**texts, "coupon": ""})
    push.refresh_from_db()

    assert coupon.name in shown
    assert kept == coupon
    assert push.coupon is None
    elsewhere = admin_client.get(reverse("hq:push_step", args=[other.pk, 2])).content.decode()
    assert coupon.name not in elsewhere


def test_more_customers_ask_no_more_statements(fixed_clock):
    counted = []
    for friends in (2, 6):
        members = members_of(make_team(fixed_clock, guides=1, friends=friends))
        push = hand_out(members, fixed_clock, coupon=make_coupon())
        task = target_of(push, members[0]).task
        with CaptureQueriesContext(connection) as asked:
            send_all(task, fixed_clock)
        counted.append(len(asked))
        assert batch_figures(batch=push.source).issued == friends

    assert counted[0] == counted[1] <= 40
