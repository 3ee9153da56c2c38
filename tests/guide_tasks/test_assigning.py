"""Work goes from one guide to another, is shared out, taken back, given more time; and follows the
people who are covered or gone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM
from apps.accounts.models import AuditEntry
from apps.guide_tasks.errors import (
    DueNotLater,
    IllegalMove,
    NotAColleague,
    NotMoved,
    NotYourTask,
    PushNotRunning,
)
from apps.guide_tasks.models import GuideTask, State, TargetMove, TaskPush, TaskTarget
from apps.guide_tasks.services import assigning, following, recalling
from apps.members import services as members
from apps.outreach.models import Dispatch, GuideNotice
from apps.stores import services as stores
from apps.stores.models import Posting
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import (
    deliver,
    guide_actor,
    hand_out,
    make_push,
    make_team,
    manager_actor,
    members_of,
    tap,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]
DAY = timedelta(days=1)


def befriend(guide, people, now):
    """These members are this guide's WeCom friends as well."""
    members.start_follows(
        rows=[
            members.FollowRow(CORP, guide.pk, person.pk, f"wm{guide.pk}x{person.pk}", now - DAY)
            for person in people
        ],
        now=now - DAY,
    )


class Shop:
    def __init__(self, now, *, friends=3, guides=3):
        self.now, self.store = now, make_store()
        self.team = make_team(now, guides=guides, friends=friends, store=self.store)
        self.anna, self.bea, *_rest = [guide for guide, _members in self.team]
        self.people = self.team[0][1]
        self.push = hand_out(members_of(self.team), now)
        self.boss = manager_actor(make_guide(self.store, corp=CORP), self.store, now)

    def target(self, person):
        return target_of(self.push, person)

    def give(self, people, guide, **more):
        ids = [self.target(person).pk for person in people]
        return assigning.reassign(
            target_ids=ids, guide=guide, **{"actor": self.boss, "now": self.now, **more}
        )


@pytest.fixture
def shop(moment):
    return Shop(moment)


@pytest.fixture
def hq():
    return replace(SYSTEM, role="hq_operator", user_id=1)


# --- to a colleague -------------------------------------------------------------------------------


def test_a_customers_task_goes_to_a_colleague_with_history_story_and_a_card(shop, moment):
    befriend(shop.bea, shop.people[:2], moment)

    moves = shop.give(shop.people[:2], shop.bea)

    assert (moves.moved, moves.kept) == (2, {})
    target = shop.target(shop.people[0])
    share = GuideTask.objects.get(push=shop.push, guide=shop.bea)
    assert (target.guide_id, target.task_id, target.state) == (shop.bea.pk, share.pk, State.OPEN)
    assert target.external_userid == f"wm{shop.bea.pk}x{shop.people[0].pk}"
    assert TargetMove.objects.get(target=target).reason == (
        f"reassigned:guide:{shop.anna.pk}>guide:{shop.bea.pk}"
    )
    event = MemberEvent.objects.get(kind=Kind.TASK_MOVED, member_id=shop.people[0].pk)
    assert event.payload["from_guide_id"] == shop.anna.pk
    card = GuideNotice.objects.get(source__startswith="targets_moved:")
    assert card.guide_id == shop.bea.pk
    assert "2" in card.title
    assert card.body.startswith(f"店长转给你，原来由{shop.anna.name}跟进。2")
    assert AuditEntry.objects.get(action="task.moved").detail["count"] == 2


def test_the_same_again_moves_nothing(shop, moment):
    befriend(shop.bea, shop.people, moment)
    shop.give(shop.people, shop.bea)

    assert shop.give(shop.people, shop.bea).moved == 0
    assert TargetMove.objects.count() == 3
    assert GuideNotice.objects.filter(source__startswith="targets_moved:").count() == 1


def test_the_customers_own_guide_does_not_change(shop, moment):
    befriend(shop.bea, shop.people, moment)
    before = MemberEvent.objects.filter(kind=Kind.SERVING_CHANGED).count()

    shop.give(shop.people, shop.bea)

    assert MemberEvent.objects.filter(kind=Kind.SERVING_CHANGED).count() == before


def test_who_is_not_a_friend_stays_and_the_manager_reads_why(shop, moment):
    befriend(shop.bea, shop.people[:1], moment)

    moves = shop.give(shop.people, shop.bea)

    assert (moves.moved, moves.kept) == (1, {"not_friend": 2})
    with pytest.raises(NotMoved, match=str(assigning.Kept.NOT_FRIEND.label)):
        shop.give(shop.people[1:], shop.bea)


def test_a_task_with_a_message_on_its_way_stays(shop, moment):
    befriend(shop.bea, shop.people, moment)
    tap(shop.target(shop.people[0]), moment)

    moves = shop.give(shop.people, shop.bea)

    assert (moves.moved, moves.kept) == (2, {"sending": 1})
    assert shop.target(shop.people[0]).guide_id == shop.anna.pk


def test_what_is_done_stays_with_who_did_it(shop, moment):
    befriend(shop.bea, shop.people, moment)
    deliver(shop.target(shop.people[0]), moment)

    assert shop.give(shop.people, shop.bea).kept == {"finished": 1}


def test_only_a_colleague_at_the_store_gets_work(shop, moment):
    stranger = make_guide(make_store(), corp=CORP)
    befriend(stranger, shop.people, moment)
    with pytest.raises(NotAColleague):
        shop.give(shop.people, stranger)


def test_a_guide_gives_nobody_work_and_a_foreign_manager_sees_none(shop, moment):
    befriend(shop.bea, shop.people, moment)
    with pytest.raises(NotYourTask):
        shop.give(shop.people, shop.bea, actor=guide_actor(shop.anna, moment))
    elsewhere = make_store()
    foreign = manager_actor(make_guide(elsewhere, corp=CORP), elsewhere, moment)
    assert shop.give(shop.people, shop.bea, actor=foreign).moved == 0
    assert TargetMove.objects.count() == 0


def test_a_share_nobody_looked_at_goes_when_it_is_empty_and_one_seen_stays(shop, moment):
    befriend(shop.bea, [*shop.people, *shop.team[2][1]], moment)
    carl, his = shop.team[2]
    GuideTask.objects.filter(push=shop.push, guide=carl).update(seen_at=moment)

    shop.give(shop.people, shop.bea)
    shop.give(his, shop.bea)

    assert set(GuideTask.objects.values_list("guide_id", flat=True)) == {shop.bea.pk, carl.pk}


def test_the_receiver_can_send_at_once(shop, moment):
    befriend(shop.bea, shop.people, moment)
    shop.give(shop.people, shop.bea)

    sent = tap(shop.target(shop.people[0]), moment)

    assert sent.guide_id == shop.bea.pk


def queries_of_a_move(moment, friends):
    shop = Shop(moment, friends=friends, guides=2)
    befriend(shop.bea, shop.people, moment)
    ids = [shop.target(person).pk for person in shop.people]
    with CaptureQueriesContext(connection) as asked:
        moves = assigning.reassign(target_ids=ids, guide=shop.bea, actor=shop.boss, now=moment)
    assert moves.moved == friends
    return len(asked)


def test_moving_many_asks_as_often_as_moving_few(moment):
    queries_of_a_move(moment, 1)  # the month's partition is looked for once

    assert queries_of_a_move(moment, 12) == queries_of_a_move(moment, 2) <= 24


# --- shared out -----------------------------------------------------------------------------------


def test_work_is_shared_out_to_the_least_busy_friends_at_work(moment):
    shop = Shop(moment, friends=6)
    carl = shop.team[2][0]
    befriend(shop.bea, shop.people, moment)
    befriend(carl, shop.people, moment)
    task = GuideTask.objects.get(push=shop.push, guide=shop.anna)
    away = {"guide": shop.anna, "store": shop.store, "day": moment.date(), "off": True}
    stores.set_day_off(**away, actor=SYSTEM, now=moment)

    moves = assigning.split_task(task=task, actor=shop.boss, now=moment)

    counts = assigning.loads([shop.anna.pk, shop.bea.pk, carl.pk])
    assert moves.moved == 6
    assert counts == {shop.bea.pk: 9, carl.pk: 9}


def test_sharing_out_counts_the_present_guide_as_one_of_them(moment):
    shop = Shop(moment, friends=6, guides=2)
    befriend(shop.bea, shop.people, moment)
    TaskTarget.objects.filter(guide=shop.bea).update(
        state=State.NOT_APPLICABLE, excuse_reason="other"
    )
    task = GuideTask.objects.get(push=shop.push, guide=shop.anna)

    moves = assigning.split_task(task=task, actor=shop.boss, now=moment)

    assert (moves.moved, moves.kept) == (3, {"least_busy": 3})


def test_customers_nobody_else_knows_stay_and_are_counted(shop, moment):
    befriend(shop.bea, shop.people[:1], moment)
    ids = [shop.target(person).pk for person in shop.people]

    moves = assigning.share_out(target_ids=ids, actor=shop.boss, now=moment, among=[shop.bea.pk])

    assert (moves.moved, moves.kept) == (1, {"nobody": 2})


def test_sharing_out_what_only_one_guide_may_do_is_refused_in_words(shop, moment):
    task = GuideTask.objects.get(push=shop.push, guide=shop.anna)

    with pytest.raises(NotMoved, match="没有 TA 的企微好友"):
        assigning.split_task(task=task, actor=shop.boss, now=moment)


# --- taken back -----------------------------------------------------------------------------------


def test_a_withdrawn_push_ends_outside_every_rate(shop, hq, moment):
    deliver(shop.target(shop.people[0]), moment)

    taken = recalling.withdraw_push(push=shop.push, actor=hq, now=moment)

    shop.push.refresh_from_db()
    assert taken == 8
    assert (shop.push.status, shop.push.withdrawn_at) == (TaskPush.Status.CLOSED, moment)
    states = TaskTarget.objects.filter(push=shop.push).values_list("state", "excuse_reason")
    assert sorted(states) == [("done", "")] + [("not_applicable", "withdrawn")] * 8
    assert MemberEvent.objects.filter(kind=Kind.TASK_EXCUSED).count() == 8
    assert GuideNotice.objects.filter(source=f"{shop.push.source}:withdrawn").count() == 3
    assert recalling.withdraw_push(push=shop.push, actor=hq, now=moment) == 0


def test_a_message_not_confirmed_is_called_off_and_one_confirmed_keeps_its_result(shop, hq, moment):
    planned = tap(shop.target(shop.people[0]), moment)
    confirmed = tap(shop.target(shop.people[1]), moment)
    Dispatch.objects.filter(pk=confirmed.pk).update(state="sent", sent_at=moment)

    recalling.withdraw_push(push=shop.push, actor=hq, now=moment)

    planned.refresh_from_db()
    assert planned.state == Dispatch.State.SUPPRESSED
    assert shop.target(shop.people[0]).excuse_reason == "withdrawn"
    assert shop.target(shop.people[1]).state == State.TO_VERIFY


def test_a_large_withdrawal_is_finished_by_the_job(shop, hq, moment, monkeypatch):
    monkeypatch.setattr(recalling, "BATCH", 4)

    assert recalling.withdraw_push(push=shop.push, actor=hq, now=moment) == 4
    assert recalling.withdraw_rest(now=moment) == 5
    assert not TaskTarget.objects.open().filter(push=shop.push).exists()
    assert recalling.withdraw_rest(now=moment) == 0


def test_a_push_that_waits_for_its_hour_becomes_a_draft_again(shop, hq, moment):
    push = make_push(shop.people, moment)
    TaskPush.objects.filter(pk=push.pk).update(status="approved", hand_out_at=moment + DAY)

    recalling.withdraw_push(push=push, actor=hq, now=moment)

    push.refresh_from_db()
    assert push.status == TaskPush.Status.DRAFT
    with pytest.raises(PushNotRunning):
        recalling.withdraw_push(push=push, actor=hq, now=moment)


def test_only_head_office_takes_a_push_back(shop, moment):
    with pytest.raises(NotYourTask):
        recalling.withdraw_push(push=shop.push, actor=shop.boss, now=moment)


def test_one_customer_is_taken_back_alone(shop, moment):
    target = shop.target(shop.people[0])
    for _time in range(2):
        recalling.withdraw_target(target=target, why="由我跟进", actor=shop.boss, now=moment)

    assert shop.target(shop.people[0]).excuse_reason == "withdrawn"
    assert shop.target(shop.people[1]).state == State.OPEN
    assert TargetMove.objects.filter(target=target).count() == 1
    done = deliver(shop.target(shop.people[1]), moment)
    with pytest.raises(IllegalMove):
        recalling.withdraw_target(target=done, why="由我跟进", actor=shop.boss, now=moment)


# --- more time ------------------------------------------------------------------------------------


def test_more_time_reaches_who_is_not_done_and_nobody_else(shop, hq, moment):
    done = deliver(shop.target(shop.people[0]), moment)
    later = shop.push.due_at + 3 * DAY

    given = recalling.extend_push(push=shop.push, due_at=later, actor=hq, now=moment)

    assert given == 8
    assert shop.target(shop.people[1]).due_at == later
    assert shop.target(shop.people[0]).due_at == done.due_at
    assert set(GuideTask.objects.values_list("due_at", flat=True)) == {later}
    assert recalling.extend_push(push=shop.push, due_at=later, actor=hq, now=moment) == 0
    assert AuditEntry.objects.filter(action="push.extended").count() == 1


def test_time_is_never_taken_away(shop, hq, moment):
    for wrong in (moment - DAY, moment + timedelta(hours=1), moment + 200 * DAY):
        with pytest.raises(DueNotLater):
            recalling.extend_push(push=shop.push, due_at=wrong, actor=hq, now=moment)


def test_one_guides_share_gets_more_time_alone(shop, moment):
    task = GuideTask.objects.get(push=shop.push, guide=shop.anna)
    later = task.due_at + DAY

    assert recalling.extend_task(task=task, due_at=later, actor=shop.boss, now=moment) == 3
    assert shop.target(shop.people[0]).due_at == later
    assert shop.target(shop.team[1][1][0]).due_at == task.due_at


# --- following the people -------------------------------------------------------------------------


def cover(shop, days):
    today = shop.now.date()
    return stores.start_cover(
        store=shop.store,
        absent=shop.anna,
        covering=shop.bea,
        first=today,
        last=today + days * DAY,
        actor=SYSTEM,
        now=shop.now,
    )


def test_what_falls_due_while_a_guide_is_covered_goes_to_who_covers(shop, moment):
    befriend(shop.bea, shop.people[:2], moment)
    later = shop.target(shop.people[1])
    TaskTarget.objects.filter(pk=later.pk).update(due_at=moment + 20 * DAY)
    cover(shop, days=4)

    assert following.move_work(now=moment) == 1
    assert shop.target(shop.people[0]).guide_id == shop.bea.pk
    assert shop.target(shop.people[1]).guide_id == shop.anna.pk  # waits for Anna
    assert shop.target(shop.people[2]).guide_id == shop.anna.pk  # nobody else is TA's friend
    assert following.move_work(now=moment) == 0


def test_a_leavers_work_goes_to_the_new_serving_guide_else_to_the_store(shop, moment):
    carl = shop.team[2][0]
    befriend(carl, shop.people[:2], moment)
    befriend(shop.bea, shop.people[:1], moment)
    members.set_serving_guide(
        pairs=[(shop.people[0].pk, shop.bea.pk, shop.store.pk)],
        reason="handed_over",
        now=moment,
        actor=SYSTEM,
    )
    stores.guide_leaves(guide=shop.anna, now=moment, on=moment.date())

    assert following.move_work(now=moment) == 2
    assert shop.target(shop.people[0]).guide_id == shop.bea.pk
    assert shop.target(shop.people[1]).guide_id == carl.pk
    assert shop.target(shop.people[2]).guide_id == shop.anna.pk
    befriend(shop.bea, shop.people[2:], moment)  # WeCom's hand-over came through
    assert following.move_work(now=moment) == 1


@pytest.mark.parametrize("why", ["covered", "left"])
def test_what_nobody_can_take_stands_in_nobodys_way(shop, moment, monkeypatch, why):
    monkeypatch.setattr(following, "PART", 1)
    befriend(shop.bea, shop.people[-1:], moment)  # of the others nobody else is a friend
    if why == "covered":
        cover(shop, days=4)
    else:
        stores.guide_leaves(guide=shop.anna, now=moment, on=moment.date())

    assert following.move_work(now=moment) == 1
    assert shop.target(shop.people[-1]).guide_id == shop.bea.pk


def test_who_moves_to_another_store_leaves_the_work_behind(shop, moment):
    befriend(shop.bea, shop.people, moment)
    stores.post_guide(
        guide=shop.anna,
        store=make_store(),
        role=Posting.PostingRole.GUIDE,
        from_day=moment.date(),
    )

    assert following.left_behind(now=moment).count() == 3
    assert following.move_work(now=moment) == 3
    assert set(TaskTarget.objects.filter(push=shop.push).values_list("store_id", flat=True)) == {
        shop.store.pk
    }


def test_nobody_moves_while_everybody_works(shop, moment, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        assert following.move_work(now=moment) == 0
