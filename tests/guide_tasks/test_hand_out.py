from datetime import time, timedelta

import pytest
from django.utils import timezone

from apps.accounts.actor import SYSTEM
from apps.accounts.models import AuditEntry
from apps.campaigns.models import CampaignAssignment
from apps.campaigns.selectors import bucket
from apps.guide_tasks import selectors, services
from apps.guide_tasks.errors import PushAlreadyHandedOut, PushNotReady
from apps.guide_tasks.models import GuideTask, NotIssued, PushForecast, TaskPush, TaskTarget
from apps.guide_tasks.services import pushes
from apps.members import services as members
from apps.members.models import FollowRelation
from apps.outreach.models import GuideNotice
from apps.outreach.scripts import UnknownVariable
from apps.profiles.models import MemberFacts, MemberProfile
from apps.timeline.models import Kind, MemberEvent
from tests.factories.crowds import crowd, where_everybody_is
from tests.factories.tasks import hand_out, make_push, make_run, make_team, members_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_the_hand_out_is_the_forecast_to_the_member(moment, seed):
    people = crowd(moment, seed)
    push = make_push(people, moment, control_share_bp=6000)

    forecast = services.forecast(push=push, now=moment)
    done = services.hand_out(push=push, now=moment, actor=SYSTEM)

    assert done == forecast
    assert done.changes == []
    promised = pushes.unpack(PushForecast.objects.get(push=push).places)
    actual = where_everybody_is(push)
    assert {pk: [place] for place, ids in promised.items() for pk in ids} == actual
    assert set(actual) == {person.pk for person in people}
    assert forecast.planned == forecast.not_issued + forecast.control + forecast.issued
    assert forecast.control > 0
    assert len(forecast.refused) > 3


def test_what_changed_in_between_has_a_name(moment):
    people = members_of(make_team(moment, guides=1, friends=6))
    push = make_push(people, moment)
    services.forecast(push=push, now=moment)
    members.stop_contact(member_id=people[0].pk, source="test", now=moment, actor=SYSTEM)
    members.stop_contact(member_id=people[1].pk, source="test", now=moment, actor=SYSTEM)

    done = services.hand_out(push=push, now=moment, actor=SYSTEM)

    assert done.changes == [{"from": "issued", "to": "stopped", "count": 2}]
    assert PushForecast.objects.get(push=push).changes == done.changes
    assert done.issued == 4


def test_another_segment_run_shows_as_newly_and_no_longer_planned(moment):
    people = members_of(make_team(moment, guides=1, friends=4))
    push = make_push(people[:3], moment)
    services.forecast(push=push, now=moment)
    TaskPush.objects.filter(pk=push.pk).update(segment_run=make_run(people[1:], moment))

    done = services.hand_out(push=push, now=moment, actor=SYSTEM)

    assert sorted((row["from"], row["to"], row["count"]) for row in done.changes) == [
        ("", "issued", 1),
        ("issued", "", 1),
    ]


def test_handing_out_twice_gives_the_same_places_and_no_second_row(moment):
    people = crowd(moment, 11)
    push = make_push(people, moment, control_share_bp=2000)

    first = services.hand_out(push=push, now=moment, actor=SYSTEM)
    rows = [model.objects.count() for model in (TaskTarget, GuideTask, NotIssued, GuideNotice)]
    again = services.hand_out(push=push, now=moment + timedelta(hours=1), actor=SYSTEM)

    assert again == first
    assert rows == [
        model.objects.count() for model in (TaskTarget, GuideTask, NotIssued, GuideNotice)
    ]


def test_the_control_group_is_drawn_among_those_who_could_be_reached(moment):
    people = crowd(moment, 5)

    push = hand_out(people, moment, control_share_bp=4000)

    control = set(selectors.control_members(push))
    refused = set(NotIssued.objects.filter(push=push).values_list("member_id", flat=True))
    drawn = {
        row.member_id: row for row in CampaignAssignment.objects.filter(campaign=push.campaign)
    }
    assert control
    assert not control & refused
    assert set(drawn) == {person.pk for person in people} - refused
    for member_id, row in drawn.items():
        assert row.bucket == bucket(push.campaign.salt, member_id)
        assert (row.arm == "control") == (row.bucket < 4000) == (member_id in control)


def test_control_members_have_an_assignment_and_nothing_else(moment):
    people = members_of(make_team(moment, guides=2, friends=10))

    push = hand_out(people, moment, control_share_bp=5000)

    control = list(selectors.control_members(push))
    assert control
    assert not TaskTarget.objects.filter(member_id__in=control).exists()
    assert not NotIssued.objects.filter(member_id__in=control).exists()
    assert not MemberEvent.objects.filter(member_id__in=control, kind=Kind.TASK_ISSUED).exists()


def test_a_second_push_of_the_campaign_keeps_the_first_draw(moment):
    people = members_of(make_team(moment, guides=1, friends=20))
    first = hand_out(people, moment, control_share_bp=4000)

    second = hand_out(people, moment, campaign=first.campaign)

    assert set(selectors.control_members(first)) == set(selectors.control_members(second))


def test_each_guide_gets_one_task_one_card_and_each_member_the_reason(moment):
    team = make_team(moment, guides=2, friends=3)
    people = members_of(team)
    MemberProfile.objects.create(
        member_id=people[0].pk,
        last_order_on=moment.date() - timedelta(days=92),
        order_count=2,
        net_fen=90_000,
        net_365_fen=30_000,
    )
    MemberFacts.objects.create(member_id=people[0].pk, usual_gap_days=60)

    push = hand_out(people, moment)

    assert GuideTask.objects.filter(push=push).count() == 2
    assert TaskTarget.objects.filter(push=push).count() == 6
    target = TaskTarget.objects.get(push=push, member=people[0])
    assert "92" in target.why
    assert "60" in target.why
    assert target.value_fen == 45_000
    assert target.external_userid
    notices = GuideNotice.objects.all()
    assert {notice.guide_id for notice in notices} == {guide.pk for guide, _members in team}
    assert all("3" in notice.body and "林" not in notice.body for notice in notices)
    told = MemberEvent.objects.filter(kind=Kind.TASK_ISSUED)
    assert {event.member_id for event in told} == {person.pk for person in people}


def test_refusals_are_kept_with_their_sentence(moment):
    (person,) = members_of(make_team(moment, guides=1, friends=1))
    members.stop_contact(member_id=person.pk, source="test", now=moment, actor=SYSTEM)

    push = hand_out([person], moment)

    row = NotIssued.objects.get(push=push)
    assert row.reason == "stopped"
    assert row.sentence


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"due_at": None}, PushNotReady),
        ({"body": ""}, PushNotReady),
        ({"segment_run": None}, PushNotReady),
        ({"generic_body": ""}, PushNotReady),
        ({"generic_body": "{称呼}，到店看看"}, PushNotReady),
        ({"body": "{微信号}，到店看看"}, UnknownVariable),
    ],
)
def test_an_unfinished_push_is_not_handed_out(moment, changes, error):
    people = members_of(make_team(moment, guides=1, friends=1))
    push = make_push(people, moment, **changes)

    with pytest.raises(error) as refusal:
        services.hand_out(push=push, now=moment, actor=SYSTEM)

    assert str(refusal.value)
    assert not TaskTarget.objects.exists()


def test_a_push_that_went_out_cannot_be_changed(moment):
    people = members_of(make_team(moment, guides=1, friends=1))
    push = hand_out(people, moment)

    with pytest.raises(PushAlreadyHandedOut):
        services.update_push(push=push, actor=SYSTEM, title="later")
    with pytest.raises(PushAlreadyHandedOut):
        services.delete_draft(push=push, actor=SYSTEM)


def test_changing_the_share_throws_the_forecast_away(moment):
    people = members_of(make_team(moment, guides=1, friends=4))
    push = make_push(people, moment)
    services.forecast(push=push, now=moment)

    services.update_push(push=push, actor=SYSTEM, control_share_bp=5000)

    assert not PushForecast.objects.exists()
    push.campaign.refresh_from_db()
    assert push.campaign.control_share_bp == 5000


def test_an_approved_push_waits_for_its_hours(moment):
    people = members_of(make_team(moment, guides=1, friends=2))
    night = moment.replace(hour=23, minute=30)
    push = make_push(people, night, due_at=night + timedelta(days=3))
    services.approve_push(push=push, actor=SYSTEM, now=night)

    assert services.hand_out_due(now=night) == 0
    morning = (night + timedelta(days=1)).replace(hour=7, minute=0)
    assert services.hand_out_due(now=morning) == 1

    push.refresh_from_db()
    assert push.status == TaskPush.Status.HANDED_OUT
    assert push.handed_out_at == morning


def test_a_push_whose_time_is_over_does_not_hold_up_the_others(moment):
    people = members_of(make_team(moment, guides=1, friends=2))
    late = make_push(people, moment, due_at=moment + timedelta(hours=2))
    good = make_push(people, moment, due_at=moment + timedelta(days=3))
    for push in (late, good):
        services.approve_push(push=push, actor=SYSTEM, now=moment)

    assert services.hand_out_due(now=moment + timedelta(hours=3)) == 1

    late.refresh_from_db()
    good.refresh_from_db()
    assert late.status == TaskPush.Status.DRAFT
    assert good.status == TaskPush.Status.HANDED_OUT
    assert AuditEntry.objects.filter(action="push.returned", object_id=str(late.pk)).exists()


def test_cards_of_a_night_hand_out_wait_for_the_morning(moment):
    people = members_of(make_team(moment, guides=1, friends=2))
    night = moment.replace(hour=2)

    hand_out(people, night, due_at=night + timedelta(days=3))

    notice = GuideNotice.objects.get()
    assert timezone.localtime(notice.not_before).time() == time(7, 0)


@pytest.mark.parametrize("control_share_bp", [0, 5000])
def test_who_befriended_the_guide_twice_gets_one_task(moment, control_share_bp):
    people = members_of(make_team(moment, guides=1, friends=4))
    for again in FollowRelation.objects.filter(member__in=people[:2]):
        again.pk, again.external_userid = None, f"{again.external_userid}x"
        again.save(force_insert=True)
    push = make_push(people, moment, control_share_bp=control_share_bp)

    done = services.hand_out(push=push, now=moment, actor=SYSTEM)

    assert done.planned == done.issued + done.control == 4
    assert TaskTarget.objects.filter(push=push).count() == done.issued
    assert not TaskTarget.objects.filter(push=push, external_userid__endswith="x").exists()


def test_the_hand_out_costs_the_same_queries_at_any_size(moment, django_assert_max_num_queries):
    small = make_push(members_of(make_team(moment, guides=1, friends=2)), moment)
    large = make_push(members_of(make_team(moment, guides=4, friends=15)), moment)

    for push in (small, large):
        with django_assert_max_num_queries(50):
            services.hand_out(push=push, now=moment, actor=SYSTEM)


def test_a_push_closes_when_nothing_is_open_any_more(moment):
    people = members_of(make_team(moment, guides=1, friends=2))
    push = hand_out(people, moment)
    late = push.due_at + timedelta(days=4)

    assert services.close_due(now=late) == 0
    services.expire_due(now=late)
    assert services.close_due(now=late) == 1

    push.refresh_from_db()
    assert push.status == TaskPush.Status.CLOSED


def test_a_campaign_made_for_one_push_is_called_as_the_push_is():
    now = timezone.now()
    push = make_push(members_of(make_team(now, friends=1)), now, title="新建下发")

    services.update_push(push=push, actor=SYSTEM, title="秋冬新靴")

    push.campaign.refresh_from_db()
    assert push.campaign.name == "秋冬新靴"
