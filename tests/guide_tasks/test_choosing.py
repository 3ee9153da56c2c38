"""Who of several friends gets a member: the push's setting, and the same in forecast and
hand-out."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import services
from apps.guide_tasks.models import AssignBy, NotIssued, TaskTarget
from apps.members import services as members
from apps.members.models import FollowRelation, Interaction
from apps.stores import services as stores
from tests.factories.outreach import CORP
from tests.factories.tasks import hand_out, make_push, make_team, members_of, target_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]
DAY = timedelta(days=1)


@pytest.fixture
def team(store, moment):
    return make_team(moment, guides=3, friends=4, store=store)


def befriend(guide, people, at):
    members.start_follows(
        rows=[
            members.FollowRow(CORP, guide.pk, one.pk, f"wm{guide.pk}x{one.pk}", at)
            for one in people
        ],
        now=at,
    )


def unfriend(guide, people, at):
    FollowRelation.objects.filter(guide=guide, member__in=people).update(
        until=at, ended_by="customer"
    )


def whose(push):
    return dict(TaskTarget.objects.filter(push=push).values_list("member_id", "guide_id"))


def test_by_default_only_the_serving_guide_counts(team, moment):
    (anna, hers), (bea, _his), _carl = team
    befriend(bea, hers, moment - 9 * DAY)
    unfriend(anna, hers[:1], moment)

    push = hand_out(hers, moment)

    assert whose(push) == dict.fromkeys([one.pk for one in hers[1:]], anna.pk)
    assert NotIssued.objects.get(push=push).reason == "not_friend"


def test_another_friend_gets_whom_the_serving_guide_has_lost(team, moment):
    (anna, hers), (bea, _his), (carl, _its) = team
    befriend(bea, hers[:2], moment - 9 * DAY)
    befriend(carl, hers[:1], moment - 3 * DAY)
    unfriend(anna, hers[:2], moment)

    push = hand_out(hers, moment, assign_by=AssignBy.FRIEND)

    given = whose(push)
    assert [given[one.pk] for one in hers] == [carl.pk, bea.pk, anna.pk, anna.pk]
    assert target_of(push, hers[1]).external_userid == f"wm{bea.pk}x{hers[1].pk}"


def test_a_friend_who_is_off_comes_after_one_who_is_there(team, store, moment):
    (anna, hers), (bea, _his), (carl, _its) = team
    befriend(bea, hers, moment - 9 * DAY)
    befriend(carl, hers, moment - 3 * DAY)
    unfriend(anna, hers, moment)
    off = {"guide": carl, "store": store, "day": moment.date(), "off": True}
    stores.set_day_off(**off, actor=SYSTEM, now=moment)

    assert set(whose(hand_out(hers, moment, assign_by=AssignBy.FRIEND)).values()) == {bea.pk}


def test_who_was_in_touch_last_gets_it(team, moment):
    (anna, hers), (bea, _his), _carl = team
    befriend(bea, hers, moment - 9 * DAY)
    for guide, days in ((anna, 40), (bea, 20)):
        Interaction.objects.create(
            member=hers[0], guide=guide, kind="visit", occurred_at=moment - days * DAY,
            source=f"test:{guide.pk}",
        )  # fmt: skip

    given = whose(hand_out(hers, moment, assign_by=AssignBy.LAST))

    assert [given[one.pk] for one in hers] == [bea.pk, anna.pk, anna.pk, anna.pk]


def test_the_store_shares_by_load_among_those_at_work(team, store, moment):
    (anna, hers), (bea, his), (carl, _its) = team
    everybody = members_of(team)
    for guide, _own in team:
        befriend(guide, [one for one in everybody if one.pk], moment - 9 * DAY)
    off = {"guide": carl, "store": store, "day": moment.date(), "off": True}
    stores.set_day_off(**off, actor=SYSTEM, now=moment)
    hand_out(his, moment)  # Bea has four already

    given = list(whose(hand_out(hers, moment, assign_by=AssignBy.POOL)).values())

    assert given == [anna.pk] * 4


def test_nobodys_friend_stays_refused_whatever_the_setting(team, moment):
    (anna, hers), *_others = team
    unfriend(anna, hers, moment)
    for setting in (AssignBy.FRIEND, AssignBy.LAST, AssignBy.POOL):
        push = hand_out(hers, moment, assign_by=setting)
        assert set(NotIssued.objects.filter(push=push).values_list("reason", flat=True)) == {
            "not_friend"
        }


@pytest.mark.parametrize("setting", AssignBy.values)
def test_the_forecast_is_the_hand_out_for_every_setting(team, store, moment, setting):
    (anna, hers), (bea, his), (carl, _its) = team
    befriend(bea, hers, moment - 9 * DAY)
    befriend(carl, his, moment - 9 * DAY)
    unfriend(anna, hers[:2], moment)
    off = {"guide": bea, "store": store, "day": moment.date(), "off": True}
    stores.set_day_off(**off, actor=SYSTEM, now=moment)
    push = make_push(members_of(team), moment, assign_by=setting, control_share_bp=2000)

    counted = services.forecast(push=push, now=moment)

    assert services.hand_out(push=push, now=moment, actor=SYSTEM) == counted
    assert counted.planned == 12
