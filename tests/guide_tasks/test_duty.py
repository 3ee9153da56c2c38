"""Hand-out and rules look who is at work: cover first, then waiting, then a refusal with its
name."""

import random
from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.guide_tasks import selectors, services
from apps.guide_tasks.errors import GuideAway
from apps.guide_tasks.models import GuideTask, NotIssued, TaskTarget
from apps.members import services as members
from apps.outreach.models import GuideNotice
from apps.stores import services as stores
from apps.stores.selectors import absences
from tests.factories.facts import make_guide
from tests.factories.outreach import CORP
from tests.factories.tasks import (
    hand_out,
    make_push,
    make_team,
    manager_actor,
    members_of,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]
DAY = timedelta(days=1)


@pytest.fixture
def team(store, moment):
    return make_team(moment, guides=3, friends=3, store=store)


def off(guide, store, now, *days):
    for n in days:
        stores.set_day_off(
            guide=guide, store=store, day=now.date() + n * DAY, off=True, actor=SYSTEM, now=now
        )


def cover(absent, covering, store, now, days=2):
    stores.start_cover(
        store=store, absent=absent, covering=covering, first=now.date(),
        last=now.date() + days * DAY, actor=SYSTEM, now=now,
    )  # fmt: skip


def befriend(guide, people, now):
    members.start_follows(
        rows=[
            members.FollowRow(CORP, guide.pk, one.pk, f"wm{guide.pk}x{one.pk}", now - DAY)
            for one in people
        ],
        now=now - DAY,
    )


def test_work_of_who_is_off_waits_for_their_next_day(team, store, moment):
    (anna, hers), *_others = team
    off(anna, store, moment, 0, 1)

    push = hand_out(members_of(team), moment, due_at=moment + 4 * DAY)

    opens = clock.day_start(moment.date() + 2 * DAY) + timedelta(hours=9)
    assert target_of(push, hers[0]).opens_at == opens
    assert TaskTarget.objects.filter(push=push, opens_at=moment).count() == 6
    cards = GuideNotice.objects.filter(source=push.source)
    assert dict(cards.values_list("guide_id", "not_before"))[anna.pk] == opens
    assert cards.count() == 3


def test_who_is_back_only_after_it_is_due_gets_nothing_and_the_reason_has_a_name(
    team, store, moment
):
    (anna, hers), *_others = team
    off(anna, store, moment, 0, 1)

    push = hand_out(members_of(team), moment, due_at=moment + DAY)

    left_out = NotIssued.objects.filter(push=push).values_list("member_id", "reason")
    assert dict(left_out) == {one.pk: "guide_off" for one in hers}


def test_a_cover_who_is_a_friend_gets_it_and_the_customer_stays_whose_they_are(team, store, moment):
    (anna, hers), (bea, _his), _carl = team
    befriend(bea, hers[:2], moment)
    cover(anna, bea, store, moment)

    push = hand_out(members_of(team), moment, due_at=moment + 5 * DAY)

    covered = target_of(push, hers[0])
    assert (covered.guide_id, covered.opens_at) == (bea.pk, moment)
    assert covered.external_userid == f"wm{bea.pk}x{hers[0].pk}"
    waiting = target_of(push, hers[2])  # no friend of Bea's: waits for Anna
    assert (waiting.guide_id, waiting.opens_at > moment) == (anna.pk, True)


def test_a_closed_store_gets_its_work_when_it_opens(team, store, moment):
    stores.set_store_closed(store=store, day=moment.date(), closed=True, actor=SYSTEM, now=moment)
    push = hand_out(members_of(team), moment, due_at=moment + 3 * DAY)

    opens = clock.day_start(moment.date() + DAY) + timedelta(hours=9)
    assert set(TaskTarget.objects.filter(push=push).values_list("opens_at", flat=True)) == {opens}


@pytest.mark.parametrize("seed", range(3))
def test_the_forecast_is_the_hand_out_when_people_are_away(store, moment, seed):
    dice = random.Random(seed)
    team = make_team(moment, guides=5, friends=8, store=store)
    guides = [guide for guide, _members in team]
    cover(guides[0], guides[1], store, moment)
    befriend(guides[1], dice.sample(team[0][1], 4), moment)
    off(guides[2], store, moment, 0)
    off(guides[3], store, moment, *range(8))
    push = make_push(members_of(team), moment, control_share_bp=3000, due_at=moment + 4 * DAY)

    counted = services.forecast(push=push, now=moment)
    done = services.hand_out(push=push, now=moment, actor=SYSTEM)

    assert done == counted
    assert done.changes == []
    assert done.refused["guide_off"] == 8
    assert done.planned == 40
    assert selectors.push_places(push).issued == counted.issued


def test_nobody_off_duty_is_in_the_control_group(store, moment):
    team = make_team(moment, guides=2, friends=20, store=store)
    off(team[0][0], store, moment, *range(5))
    push = hand_out(members_of(team), moment, control_share_bp=5000, due_at=moment + DAY)
    held = set(selectors.control_members(push))
    assert held
    assert held.isdisjoint(one.pk for one in team[0][1])


def test_a_rules_work_is_covered_waits_or_is_asked_for_again_tomorrow(team, store, moment):
    services.ensure_default_rules(now=moment - 2 * DAY)
    (anna, hers), (bea, his), (carl, theirs) = team
    cover(bea, carl, store, moment)
    befriend(carl, his[:1], moment - 9 * DAY)
    off(anna, store, moment, 0)
    NotIssued.objects.all().delete()
    follows = [
        members.start_follow(
            corp_id=CORP, guide_id=guide.pk, member_id=person.pk,
            external_userid=f"wmNew{person.pk}", since=moment,
        ).pk
        for guide, person in ((anna, theirs[0]), (bea, his[0]), (carl, hers[0]))
    ]  # fmt: skip

    services.greet_new_friends(follow_ids=follows, now=moment)

    made = dict(TaskTarget.objects.filter(push__kind="greeting").values_list("member", "guide"))
    assert made == {his[0].pk: carl.pk, hers[0].pk: carl.pk}
    assert NotIssued.objects.get(push__kind="greeting").reason == "guide_off"
    tomorrow = moment + DAY
    assert services.greet_new_friends(now=tomorrow) >= 1
    assert TaskTarget.objects.get(member=theirs[0], push__kind="greeting").guide_id == anna.pk


def test_with_everybody_at_work_the_hand_out_asks_three_questions_more(
    team, moment, django_assert_max_num_queries
):
    with django_assert_max_num_queries(3):
        assert absences(days=[moment.date()]) == []


def test_nobody_off_duty_is_chased(team, store, moment):
    (anna, _hers), (bea, _his), _carl = team
    push = hand_out(members_of(team), moment)
    off(anna, store, moment, 0)
    boss = manager_actor(make_guide(store), store, moment)

    assert services.chase(push=push, actor=boss, now=moment) == 2
    assert not GuideNotice.objects.filter(guide=anna, source__contains=":chase:").exists()
    hers = GuideTask.objects.get(push=push, guide=anna)
    with pytest.raises(GuideAway):
        services.chase(task_ids=[hers.pk], actor=boss, now=moment)
