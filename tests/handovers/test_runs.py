"""离职继承 and 在职继承 against the simulator: from the plan to each customer's end."""

import uuid
from collections import Counter
from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.contact_codes.models import ChannelCode
from apps.core import clock
from apps.guide_tasks.models import TaskTarget
from apps.handovers import selectors, services
from apps.handovers.errors import InAnotherCorp, NothingToTryAgain
from apps.handovers.models import HandoverCall, HandoverItem, HandoverRun
from apps.members import services as members
from apps.members.models import EnrolDraft, FollowRelation, FollowUp, ServingPeriod
from apps.stores.models import Guide
from apps.wecom.client import client_for
from apps.wecom_sync.selectors import has_customers_still
from tests.factories.facts import make_guide
from tests.factories.tasks import hand_out

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def states(run):
    rows = HandoverItem.objects.current().filter(run=run)
    return Counter(rows.values_list("state", flat=True))


def calls_of(shop):
    path = "externalcontact/resigned/transfer_customer"
    return [call for call in shop.simulator.calls(path) if call["errcode"] == 0]


def friends_of(guide):
    rows = FollowRelation.objects.current().filter(guide=guide)
    return set(rows.values_list("external_userid", flat=True))


def truth_of(shop, guide):
    rows = shop.simulator.get("/sim/customers?limit=1000")["customers"]
    return {
        row["external_userid"] for row in rows
        if any(one["userid"] == guide.wecom_userid for one in row["follows"])
    }  # fmt: skip


def test_a_leavers_250_customers_go_to_three_successors(shop, after_a_day):
    shop.befriend(shop.leaver, 250)
    shop.leave()

    run = shop.start()
    after_a_day()

    run.refresh_from_db()
    assert run.state == HandoverRun.State.DONE
    assert states(run) == {"done": 250}
    served = Counter(ServingPeriod.objects.current().values_list("guide_id", flat=True))
    assert sorted(served.values()) == [83, 83, 84]
    assert shop.leaver.pk not in served
    assert [len(call["body"]["external_userid"]) for call in calls_of(shop)] == [84, 83, 83]
    assert not friends_of(shop.leaver)
    for guide in shop.others:
        assert friends_of(guide) == truth_of(shop, guide)
    report = selectors.report_of(run)
    assert report.planned == 250 == report.done


def test_a_hundred_customers_are_the_most_of_one_call(shop):
    for colleague in shop.others[1:]:
        shop.leave(colleague)
    shop.befriend(shop.leaver, 120)
    shop.leave()

    shop.start()
    services.send_calls(now=clock.now())

    assert [len(call["body"]["external_userid"]) for call in calls_of(shop)] == [100, 20]


def test_who_serves_or_knows_the_customer_comes_before_who_has_least(shop):
    colleague, busy, _idle = shop.others
    shop.befriend(busy, 5)
    [(known, external)] = shop.befriend(shop.leaver, 1)
    members.start_follows(
        rows=[members.FollowRow(shop.leaver.corp_id, busy.pk, known.pk, external, shop.now)],
        now=shop.now,
    )
    [(served, _external)] = shop.befriend(shop.leaver, 1)
    ServingPeriod.objects.filter(member=served).update(guide=colleague)
    shop.leave()

    run = services.plan_run(guide=shop.leaver, store=shop.store, actor=SYSTEM, now=clock.now())

    chosen = dict(run.items.values_list("member_id", "takeover_id"))
    assert chosen == {known.pk: busy.pk, served.pk: colleague.pk}


def test_a_served_customer_who_is_no_friend_changes_guide_at_once(shop):
    [(member, external)] = shop.befriend(shop.leaver, 1)
    members.end_follow(
        corp_id=shop.leaver.corp_id, guide_id=shop.leaver.pk, external_userid=external,
        at=shop.now, ended_by="customer",
    )  # fmt: skip
    shop.leave()

    run = shop.start()

    assert run.state == HandoverRun.State.DONE
    assert ServingPeriod.objects.current().get(member=member).guide in shop.others
    assert not HandoverCall.objects.exists()


def test_a_refusal_is_left_to_a_person_who_may_try_another_guide(shop, after_a_day, later):
    [(member, external)] = shop.befriend(shop.leaver, 1)
    shop.leave()
    run = shop.start()
    services.send_calls(now=clock.now())
    shop.simulator.post("/sim/transfers/refuse", external_userid=external)
    services.ask_results(now=later())

    [item] = run.items.all()
    assert (item.state, item.is_current) == ("refused", True)
    assert ServingPeriod.objects.current().get(member=member).guide == shop.leaver
    run.refresh_from_db()
    assert run.state == HandoverRun.State.DONE

    other = next(one for one in shop.others if one.pk != item.takeover_id)
    services.try_again(run=run, item_ids=[item.pk], to=other, actor=SYSTEM, now=later(timedelta(0)))
    after_a_day()

    assert states(run) == {"done": 1}
    assert list(run.items.order_by("pk").values_list("attempt", "state", "is_current")) == [
        (1, "refused", False),
        (2, "done", True),
    ]
    assert friends_of(other) == {external}


def test_a_full_list_passes_the_customer_on_and_then_leaves_them_to_a_person(shop, after_a_day):
    first, second, third = shop.others
    shop.befriend(shop.leaver, 6)
    shop.leave()
    for guide, most in ((first, 0), (second, 3), (third, 1)):
        shop.simulator.post(
            "/sim/seed", users=[{"userid": guide.wecom_userid, "customer_limit": most}]
        )

    run = shop.start()
    for _round in range(3):
        after_a_day()

    report = selectors.report_of(run)
    assert (report.planned, report.done, report.full) == (6, 4, 2)
    assert report.adds_up
    assert len(friends_of(second)) == 3
    assert len(friends_of(third)) == 1
    run.refresh_from_db()
    assert run.state == HandoverRun.State.DONE


def test_nothing_is_done_before_24_hours_have_passed(shop, later):
    shop.befriend(shop.leaver, 2)
    shop.leave()
    run = shop.start()
    services.send_calls(now=clock.now())

    services.ask_results(now=later(timedelta(hours=23)))

    assert states(run) == {"waiting": 2}
    assert selectors.report_of(run).waiting == 2
    call = HandoverCall.objects.get(pk=run.items.first().call_id)
    assert call.due_at < run.items.first().takeover_at + timedelta(minutes=3)


def test_work_dates_and_drafts_follow_the_customer(shop, after_a_day):
    [(member, _external)] = shop.befriend(shop.leaver, 1)
    push = hand_out([member], clock.now() - timedelta(seconds=1))
    members.set_follow_up(
        member_id=member.pk, guide_id=shop.leaver.pk, due_on=clock.today() + timedelta(days=5),
        client_id=uuid.uuid4(), now=clock.now(),
    )  # fmt: skip
    members.write_draft(
        guide_id=shop.leaver.pk, store_id=shop.store.pk, called="陈姐", words="看了靴子",
        client_id=uuid.uuid4(), now=clock.now(),
    )  # fmt: skip
    shop.leave()

    shop.start()
    after_a_day()

    successor = ServingPeriod.objects.current().get(member=member).guide
    assert successor in shop.others
    assert FollowUp.objects.standing().get(member=member).guide == successor
    assert EnrolDraft.objects.waiting().get().guide == successor
    assert TaskTarget.objects.get(push=push, member=member).guide == successor


def test_on_the_job_the_limit_of_two_in_90_days_is_known_before_calling(shop, after_a_day, later):
    mover, first, second, _third = shop.leaver, *shop.others
    [(member, external)] = shop.befriend(mover, 1)
    for guide, to in ((mover, first), (first, second)):
        run = services.plan_run(guide=guide, store=shop.store, actor=SYSTEM, now=clock.now())
        services.change_successor(
            run=run, to=to, actor=SYSTEM, now=clock.now(),
            item_ids=list(run.items.values_list("pk", flat=True)),
        )  # fmt: skip
        services.start_run(run=run, actor=SYSTEM, now=clock.now())
        after_a_day()
        assert states(run) == {"done": 1}, run.kind
    asked = len(shop.simulator.calls("externalcontact/transfer_customer"))

    third = shop.start(second)

    assert third.kind == HandoverRun.Kind.ON_JOB
    [item] = third.items.all()
    assert (item.state, item.reason) == ("cannot", "twice_in_90_days")
    assert len(shop.simulator.calls("externalcontact/transfer_customer")) == asked
    assert ServingPeriod.objects.current().get(member=member).guide == second
    assert friends_of(second) == {external}


def test_a_successor_who_is_not_activated_is_passed_over(shop, after_a_day):
    asleep = shop.others[0]
    shop.befriend(shop.leaver, 3)
    shop.leave()
    shop.simulator.post("/sim/seed", users=[{"userid": asleep.wecom_userid, "status": 4}])

    run = shop.start()
    for _round in range(2):
        after_a_day()

    assert states(run) == {"done": 3}
    assert not friends_of(asleep)


def test_wecoms_refusals_are_told_in_words(shop, after_a_day):
    gone, other = shop.befriend(shop.leaver, 2)
    shop.simulator.post(
        "/sim/follows/delete", by="customer", userid=shop.leaver.wecom_userid,
        external_userid=gone[1],
    )  # fmt: skip
    shop.leave()

    run = shop.start()
    after_a_day()

    rest = selectors.items_of(run, states=selectors.REST)
    assert [(one.member_id, selectors.sentence_of(one)) for one in rest] == [
        (gone[0].pk, "TA 已删除原导购，请到店再加")
    ]
    assert run.items.get(member=other[0]).state == "done"


def test_events_before_and_after_the_result_make_no_second_friendship(shop, after_a_day, told_of):
    [(member, external)] = shop.befriend(shop.leaver, 1)
    run = shop.start()  # on the job
    moment = after_a_day()
    item = run.items.get()
    told_of("del_external_contact", shop.leaver, external, item.takeover_at,
            Source="DELETE_BY_TRANSFER")  # fmt: skip
    told_of("add_external_contact", item.takeover, external, item.takeover_at)
    told_of.handle(moment)

    rows = FollowRelation.objects.filter(external_userid=external).order_by("pk")
    assert [(row.guide_id, row.ended_by, row.until is None) for row in rows] == [
        (shop.leaver.pk, "transfer", False),
        (item.takeover_id, "", True),
    ]


def test_a_leavers_contact_codes_point_to_the_successor(shop, after_a_day):
    heir = shop.others[0]
    for colleague in shop.others[1:]:
        shop.leave(colleague)
    code = ChannelCode.objects.create(
        corp_id=shop.leaver.corp_id, title="小票", channel="小票", kind="guide",
        guide=shop.leaver, store=shop.store, client_id=uuid.uuid4(),
    )  # fmt: skip
    shop.befriend(shop.leaver, 1)
    shop.leave()

    shop.start()

    code.refresh_from_db()
    assert code.guide == heir


def test_of_a_barred_account_nothing_is_inherited_and_the_page_says_why(shop, after_a_day):
    [(member, _external)] = shop.befriend(shop.leaver, 1)
    shop.simulator.post("/sim/users/edit", userid=shop.leaver.wecom_userid, banned=True)
    shop.leave()

    run = shop.start()
    after_a_day()

    [item] = selectors.items_of(run, states=selectors.REST)
    assert item.member_id == member.pk
    assert selectors.sentence_of(item) == "原导购的账号被企微封禁，客户不能继承"


def test_whom_somebody_else_is_to_get_already_waits_and_is_called_for_no_second_time(
    shop, after_a_day
):
    [(_member, external)] = shop.befriend(shop.leaver, 1)
    (elsewhere,) = [one.wecom_userid for one in shop.hire()]  # in no plan of ours
    wecom = client_for()
    shop.leave()
    wecom.transfer_customers(
        handover=shop.leaver.wecom_userid, takeover=elsewhere, external_userids=[external],
        left=True,
    )  # fmt: skip

    run = shop.start()
    services.send_calls(now=clock.now())

    answers = shop.simulator.calls("externalcontact/resigned/transfer_customer")
    assert len(answers) == 2
    assert states(run) == {"waiting": 1}


def test_whom_wecom_does_not_hand_over_the_store_serves(shop, after_a_day):
    [(member, external)] = shop.befriend(shop.leaver, 1)
    shop.simulator.post(
        "/sim/follows/delete", by="customer", userid=shop.leaver.wecom_userid,
        external_userid=external,
    )  # fmt: skip
    shop.leave()
    run = shop.start()
    after_a_day()
    mine = Guide.objects.filter(pk=shop.leaver.pk)
    assert mine.filter(has_customers_still()).exists()
    [item] = run.items.current()
    said = {"run": run, "to": shop.others[0], "item_ids": [item.pk], "actor": SYSTEM}

    assert services.keep_in_store(**said, now=clock.now()) == 1
    with pytest.raises(NothingToTryAgain):
        services.keep_in_store(**said, now=clock.now())

    assert ServingPeriod.objects.current().get(member=member).guide == shop.others[0]
    assert not friends_of(shop.leaver)
    assert not mine.filter(has_customers_still()).exists()
    report = selectors.report_of(run)
    assert (report.planned, report.done, report.rest) == (1, 1, 0)


def test_who_works_for_another_corp_takes_nobody_over(shop):
    shop.befriend(shop.leaver, 2)
    stranger = make_guide(shop.store, corp="wwother0000000009")
    shop.leave()
    run = services.plan_run(guide=shop.leaver, store=shop.store, actor=SYSTEM, now=clock.now())

    assert stranger.pk not in set(run.items.values_list("takeover_id", flat=True))
    with pytest.raises(InAnotherCorp):
        services.change_successor(
            run=run, to=stranger, actor=SYSTEM, now=clock.now(),
            item_ids=list(run.items.values_list("pk", flat=True)),
        )  # fmt: skip
