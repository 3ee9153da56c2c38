"""A marketing push passes by who has an open complaint, and says how many those are."""

import uuid

import pytest

from apps.accounts.actor import SYSTEM
from apps.cases.services import close, open_case, take_up
from apps.guide_tasks import services
from apps.guide_tasks.models import NotIssued, TaskTarget
from apps.members import services as members
from apps.members.models import Member
from apps.outreach import policy
from tests.factories.tasks import hand_out, make_push, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(moment):
    ((_guide, found),) = make_team(moment, guides=1, friends=4)
    return found


def complain(member, *, now):
    told = {"kind": "quality", "words": "拉链坏了", "client_id": uuid.uuid4()}
    return open_case(member_id=member.pk, actor=SYSTEM, now=now, **told)


def refused(people, moment, **fields):
    return services.forecast(push=make_push(people, moment, **fields), now=moment).refused


def test_forecast_and_hand_out_count_and_name_them(moment, people):
    complain(people[0], now=moment)
    taken = complain(people[1], now=moment)
    take_up(case_id=taken.pk, actor=SYSTEM, now=moment)
    push = make_push(people, moment)

    counted = services.forecast(push=push, now=moment)
    places = services.hand_out(push=push, now=moment, actor=SYSTEM)

    assert counted.refused == places.refused == {"complaint": 2}
    assert places.issued == 2
    rows = NotIssued.objects.filter(push=push)
    assert {row.member_id for row in rows} == {people[0].pk, people[1].pk}
    assert {row.sentence for row in rows} == {policy.sentence("complaint")} == {"客诉处理中"}


def test_once_it_is_closed_the_next_push_reaches_them(moment, people):
    case = complain(people[0], now=moment)
    assert refused(people, moment) == {"complaint": 1}

    take_up(case_id=case.pk, actor=SYSTEM, now=moment)
    close(case_id=case.pk, result="explained", words="说明了原因", actor=SYSTEM, now=moment)

    assert refused(people, moment) == {}


def test_what_one_of_a_persons_numbers_complained_of_counts_for_all(moment, people):
    complain(people[0], now=moment)
    Member.objects.filter(pk=people[0].pk).update(survivor_id=people[1].pk)

    assert refused(people[1:], moment) == {"complaint": 1}


def test_an_earlier_reason_is_the_one_that_is_kept_and_the_plan_comes_last(moment, people):
    hand_out(people[:2], moment)
    for member in people[1:3]:
        complain(member, now=moment)
    members.stop_contact(member_id=people[2].pk, source="test", now=moment, actor=SYSTEM)

    assert refused(people, moment) == {"stopped": 1, "complaint": 1, "other_plan": 1}


def test_the_control_group_is_drawn_without_them(moment, people):
    complain(people[0], now=moment)

    places = services.forecast(push=make_push(people, moment, control_share_bp=5_000), now=moment)

    assert (places.reachable, places.refused) == (3, {"complaint": 1})


def test_who_complains_after_the_hand_out_keeps_the_task(moment, people):
    push = hand_out(people[:1], moment)
    complain(people[0], now=moment)

    services.run_rules(now=moment)

    assert TaskTarget.objects.get(push=push).state == "open"
