"""A leaver's and a mover's groups get new owners, exactly once, and whose they are is looked up."""

from collections import Counter
from datetime import timedelta

import pytest
from django.core.cache import cache

from apps.accounts.actor import SYSTEM
from apps.core import clock, faults
from apps.customer_groups.models import CustomerGroup
from apps.customer_groups.services import mirror_group
from apps.handovers import selectors, services
from apps.handovers.errors import HandedOverMeanwhile, NothingToTryAgain
from apps.handovers.models import HandoverGroup, HandoverRun
from apps.handovers.services import group_calls, group_planning
from apps.stores.services import guide_leaves
from apps.wecom.services.rounds import Round
from tests.factories.groups import make_group

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
RESIGNED = "externalcontact/groupchat/transfer"
ON_JOB = "externalcontact/groupchat/onjob_transfer"
MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """What a test does to a worker at a named point."""


@pytest.fixture
def open_groups(shop):
    """Groups on a guide's phone, and in our mirror."""

    def opened(count, guide=shop.leaver, colleague=None):
        made = []
        for number in range(count):
            chat_id = shop.simulator.post(
                "/sim/groups/create", userid=guide.wecom_userid, name=f"内购群 {number}",
                external_userids=[],
            )["chat_id"]  # fmt: skip
            if colleague is not None:
                shop.simulator.post("/sim/groups/join", chat_id=chat_id, userid=colleague)
            detail = Round(clock.now()).client(guide.corp_id).get_group(chat_id)
            mirror_group(corp_id=guide.corp_id, detail=detail, read_at=clock.now())
            made.append(chat_id)
        return made

    return opened


def owners(shop):
    """Who owns each group at WeCom."""
    groups = shop.simulator.get("/sim/truth?kind=groups")["groups"]
    return {row["chat_id"]: row["owner"] for row in groups}


def states(run):
    rows = HandoverGroup.objects.current().filter(run=run)
    return Counter(rows.values_list("state", flat=True))


def done_calls(shop, path=RESIGNED):
    return [call for call in shop.simulator.calls(path) if call["errcode"] == 0]


def test_a_leavers_groups_go_to_colleagues_and_the_mirror_shows_it(shop, open_groups):
    chats = open_groups(4)
    shop.befriend(shop.leaver, 2)
    shop.leave()
    assert selectors.leavers_without_run(actor=SYSTEM)[0].groups == 4

    run = shop.start()
    services.send_groups(now=clock.now())
    services.look_at_groups(now=clock.now())

    assert states(run) == {"done": 4}
    truth = owners(shop)
    ours = dict(CustomerGroup.objects.values_list("chat_id", "owner__wecom_userid"))
    assert ours == truth
    assert sorted(Counter(truth[chat] for chat in chats).values()) == [1, 1, 2]
    assert set(CustomerGroup.objects.values_list("store_id", "standing")) == {(shop.store.pk, 3)}
    assert CustomerGroup.objects.sendable().count() == 4
    run.refresh_from_db()
    assert run.state == HandoverRun.State.RUNNING  # two customers are still on their way
    report = selectors.group_report_of(run)
    assert (report.planned, report.done, report.adds_up) == (4, 4, True)


def test_a_leaver_with_groups_alone_is_planned_and_finished(shop, open_groups):
    open_groups(1)
    shop.leave()

    run = shop.start()
    services.send_groups(now=clock.now())
    services.look_at_groups(now=clock.now())

    run.refresh_from_db()
    assert run.state == HandoverRun.State.DONE
    assert selectors.leavers_without_run(actor=SYSTEM) == []


def test_who_is_in_the_group_already_owns_it_next(shop, open_groups):
    colleague = shop.others[-1]
    open_groups(2, colleague=colleague.wecom_userid)
    shop.leave()

    run = services.plan_run(guide=shop.leaver, store=shop.store, actor=SYSTEM, now=clock.now())

    assert set(run.groups.values_list("takeover_id", flat=True)) == {colleague.pk}


def test_a_movers_groups_stay_with_the_store(shop, open_groups):
    chats = open_groups(1)

    run = shop.start()
    services.send_groups(now=clock.now())
    services.look_at_groups(now=clock.now())

    assert run.kind == HandoverRun.Kind.ON_JOB
    assert len(done_calls(shop, ON_JOB)) == 1
    assert owners(shop)[chats[0]] in {one.wecom_userid for one in shop.others}
    assert CustomerGroup.objects.get().standing == CustomerGroup.Standing.IN_ORDER


def test_a_hundred_groups_are_the_most_of_one_call(shop):
    for colleague in shop.others[1:]:
        shop.leave(colleague)
    for _one in range(110):
        make_group(shop.leaver, shop.store, shop.now)
    shop.leave()

    shop.start()
    services.send_groups(now=clock.now())

    sizes = [len(call["body"]["chat_id_list"]) for call in shop.simulator.calls(RESIGNED)]
    assert sizes == [100, 10]


def test_what_a_giver_may_not_give_today_waits_for_tomorrow(shop, open_groups, later, monkeypatch):
    open_groups(3)
    before = [make_group(shop.others[0], shop.store, shop.now) for _one in range(60)]
    shop.leave()
    run = shop.start()
    monkeypatch.setattr(group_calls, "MOST_A_DAY", 62)
    HandoverGroup.objects.bulk_create(
        HandoverGroup(
            run=run, guide=shop.leaver, takeover=shop.others[0], group=group, state="done",
            called_at=shop.now, ended_at=shop.now, is_current=False,
        )
        for group in before
    )  # fmt: skip

    assert services.send_groups(now=clock.now()) == 2
    assert services.send_groups(now=later(timedelta(hours=2))) == 0
    assert services.send_groups(now=later(timedelta(hours=23))) == 1

    services.look_at_groups(now=later(MINUTE))
    assert states(run) == {"done": 3}


def test_wecoms_refusal_is_told_in_words_and_a_person_tries_again(shop, open_groups):
    open_groups(1)
    guide_leaves(guide=shop.leaver, now=shop.now, on=clock.business_day(shop.now))
    run = shop.start()

    services.send_groups(now=clock.now())

    [row] = run.groups.all()
    assert (row.state, row.reason) == ("cannot", "90500")
    assert "离职导购的账号" in selectors.group_sentence_of(row)
    shop.simulator.post("/sim/users/leave", userid=shop.leaver.wecom_userid)
    other = next(one for one in shop.others if one.pk != row.takeover_id)
    services.try_again(run=run, group_ids=[row.pk], to=other, actor=SYSTEM, now=clock.now())
    services.send_groups(now=clock.now())
    services.look_at_groups(now=clock.now())

    assert states(run) == {"done": 1}
    assert list(run.groups.order_by("pk").values_list("attempt", "is_current")) == [
        (1, False),
        (2, True),
    ]
    run.refresh_from_db()
    assert run.state == HandoverRun.State.DONE


def test_a_group_on_its_way_in_one_run_is_planned_and_tried_in_no_other(shop, open_groups):
    heir, other = shop.others[:2]
    [chat] = open_groups(1)
    open_groups(1, guide=heir)
    first = services.plan_run(guide=shop.leaver, store=shop.store, actor=SYSTEM, now=clock.now())
    CustomerGroup.objects.filter(chat_id=chat).update(owner=heir, owner_userid=heir.wecom_userid)

    second = services.plan_run(guide=heir, store=shop.store, actor=SYSTEM, now=clock.now())

    assert [row.group.chat_id for row in first.groups.all()] == [chat]
    assert chat not in [row.group.chat_id for row in second.groups.all()]
    services.start_run(run=second, actor=SYSTEM, now=clock.now())
    group = CustomerGroup.objects.get(chat_id=chat)
    with pytest.raises(HandedOverMeanwhile):  # both looked before either of them wrote
        group_planning.keep(second, [group], [other.pk])
    row = HandoverGroup.objects.create(
        run=second, guide=heir, takeover=other, group=group, state="left", ended_at=clock.now()
    )
    with pytest.raises(NothingToTryAgain):
        services.try_again(run=second, group_ids=[row.pk], to=other, actor=SYSTEM, now=clock.now())


@pytest.fixture
def run(shop, open_groups):
    open_groups(3)
    for colleague in shop.others[1:]:
        shop.leave(colleague)
    shop.leave()
    return shop.start()


@pytest.mark.parametrize(
    "point",
    ["handovers.groups_call_started", "handovers.groups_called", "handovers.groups_recorded"],
)
def test_a_worker_killed_around_the_call_hands_over_once(shop, run, later, monkeypatch, point):
    def die(reached):
        if reached == point:
            monkeypatch.setattr(faults, "point", lambda _name: None)
            raise Killed

    monkeypatch.setattr(faults, "point", die)
    with pytest.raises(Killed):
        services.send_groups(now=clock.now())

    for delta in (3 * MINUTE, 3 * MINUTE, 15 * MINUTE, 15 * MINUTE, MINUTE):
        moment = later(delta)
        services.send_groups(now=moment)
        services.look_at_groups(now=moment)

    assert states(run) == {"done": 3}
    assert set(owners(shop).values()) == {shop.others[0].wecom_userid}
    assert len(done_calls(shop)) == 1


def test_an_answer_lost_after_the_effect_is_looked_up_not_repeated(shop, run, later):
    shop.simulator.post("/sim/faults", path=RESIGNED, drop_connection=True, after_effect=True)
    services.send_groups(now=clock.now())
    assert states(run) == {"unknown": 3}
    assert selectors.group_report_of(run).unknown == 3

    services.look_at_groups(now=later(3 * MINUTE))

    assert states(run) == {"done": 3}
    assert len(shop.simulator.calls(RESIGNED)) == 1


def test_a_call_that_never_reached_wecom_is_made_once_more(shop, run, later):
    shop.simulator.post("/sim/faults", path=RESIGNED, drop_connection=True)
    services.send_groups(now=clock.now())

    services.look_at_groups(now=later(3 * MINUTE))
    assert states(run) == {"unknown": 3}  # too soon to say
    services.look_at_groups(now=later(20 * MINUTE))
    services.send_groups(now=later(MINUTE))
    services.look_at_groups(now=later(MINUTE))

    assert states(run) == {"done": 3}
    assert len(done_calls(shop)) == 1


def test_too_many_calls_put_off_and_nothing_is_lost(shop, run, later):
    shop.simulator.post("/sim/faults", path=RESIGNED, errcode=45009)

    assert services.send_groups(now=clock.now()) == 0
    assert states(run) == {"queued": 3}
    cache.clear()  # the minute for which every worker leaves this API alone is over
    assert services.send_groups(now=later(2 * MINUTE)) == 3


def test_a_group_with_another_owner_by_now_is_left_alone(shop, run):
    CustomerGroup.objects.update(owner_userid="somebody")

    services.send_groups(now=clock.now())

    assert states(run) == {"cannot": 3}
    assert shop.simulator.calls(RESIGNED) == []
    run.refresh_from_db()
    assert run.state == HandoverRun.State.DONE
