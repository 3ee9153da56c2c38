"""Two guides and one member: the first who begins has the day."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import services
from apps.guide_tasks.errors import ContactRefused
from apps.guide_tasks.models import NotIssued, State, TaskPush, TaskTarget
from apps.members import services as members
from apps.members.models import Interaction, Member
from apps.outreach import policy
from apps.outreach.models import Dispatch
from tests.factories.colleagues import shared_member
from tests.factories.tasks import (
    deliver,
    guide_actor,
    hand_out,
    make_push,
    make_team,
    tap,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def both(moment, settings):
    return shared_member(moment, settings)


def open_chat(target, now, client_id="chat"):
    return services.note_chat_opened(
        target=target, actor=guide_actor(target.guide, now), now=now, client_id=client_id
    )


def test_the_colleague_is_refused_until_a_day_has_passed(moment, both):
    first, second = both
    tap(first, moment)

    with pytest.raises(ContactRefused) as refused:
        tap(second, moment + timedelta(hours=2))

    assert refused.value.code == "refused_colleague"
    assert str(refused.value) == policy.sentence("colleague")
    assert TaskTarget.objects.get(pk=second.pk).state == State.OPEN
    assert tap(second, moment + timedelta(hours=25))


def test_an_opened_chat_and_a_sidebar_text_begin_a_contact_too(moment, both):
    first, second = both
    services.note_sidebar_sent(
        target=first, actor=guide_actor(first.guide, moment), now=moment, client_id="side"
    )
    assert Interaction.objects.filter(member=first.member, guide=first.guide).count() == 1

    with pytest.raises(ContactRefused):
        open_chat(second, moment + timedelta(minutes=1))

    open_chat(first, moment + timedelta(minutes=2))  # the same guide goes on
    assert not Interaction.objects.filter(guide=second.guide).exists()


def test_what_is_called_off_blocks_nobody(moment, both):
    first, second = both
    tap(first, moment)
    services.excuse_target(
        target=first, reason="other", actor=guide_actor(first.guide, moment), now=moment
    )

    assert tap(second, moment)


def test_care_is_not_marketing_and_goes_out_all_the_same(moment, settings):
    first, second = shared_member(moment, settings, kind=TaskPush.Kind.CARE)
    tap(first, moment)

    assert tap(second, moment)


def test_send_to_all_leaves_out_whom_a_colleague_contacted(moment, both):
    first, second = both
    open_chat(first, moment)

    with pytest.raises(ContactRefused):
        services.send_to_task(
            task=second.task, actor=guide_actor(second.guide, moment), now=moment, client_id="all"
        )


@pytest.mark.django_db(transaction=True)
def test_of_two_guides_who_tap_at_the_same_moment_one_has_the_member(moment, settings):
    targets = shared_member(moment, settings)
    start, sent, refused = threading.Barrier(2), [], []

    def go(target):
        try:
            start.wait()
            sent.append(tap(target, moment).pk)
        except ContactRefused as error:
            refused.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=[target]) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sent) == 1
    assert refused == ["refused_colleague"]
    assert Dispatch.objects.count() == 1


# --- one active plan ------------------------------------------------------------


@pytest.fixture
def planned(moment):
    """(guide, members) of whom the first two stand in a running push."""
    ((guide, people),) = make_team(moment, guides=1, friends=4)
    hand_out(people[:2], moment)
    return guide, people


def test_who_stands_in_a_running_push_is_refused_by_name_in_forecast_and_hand_out(moment, planned):
    _guide, people = planned
    push = make_push(people, moment)

    counted = services.forecast(push=push, now=moment)
    places = services.hand_out(push=push, now=moment, actor=SYSTEM)

    assert counted.refused == places.refused == {"other_plan": 2}
    assert places.issued == 2
    rows = NotIssued.objects.filter(push=push)
    assert {row.member_id for row in rows} == {people[0].pk, people[1].pk}
    assert {row.sentence for row in rows} == {policy.sentence("other_plan")}


def test_the_control_group_is_drawn_without_them(moment, planned):
    _guide, people = planned
    places = services.forecast(push=make_push(people, moment, control_share_bp=5000), now=moment)

    assert places.reachable == 2


def test_a_finished_plan_or_a_care_task_stands_in_nobodys_way(moment):
    ((_guide, people),) = make_team(moment, guides=1, friends=2)
    deliver(target_of(hand_out(people[:1], moment), people[0]), moment)
    hand_out(people[1:], moment, kind=TaskPush.Kind.CARE)

    places = services.forecast(push=make_push(people, moment), now=moment + timedelta(days=15))

    assert places.refused == {}


def test_an_earlier_reason_is_the_one_that_is_kept(moment, planned):
    _guide, people = planned
    members.stop_contact(member_id=people[0].pk, source="test", now=moment, actor=SYSTEM)
    TaskTarget.objects.filter(member=people[0]).update(state=State.OPEN, excuse_reason="")

    places = services.forecast(push=make_push(people, moment), now=moment)

    assert places.refused == {"stopped": 1, "other_plan": 1}


def test_a_merged_persons_plan_is_the_survivors(moment, planned):
    _guide, people = planned
    Member.objects.filter(pk=people[0].pk).update(survivor_id=people[2].pk)

    places = services.forecast(push=make_push(people[2:], moment), now=moment)

    assert places.refused.get("other_plan") == 1


def test_the_rule_can_be_switched_off(moment, planned, settings):
    settings.CONTACT_ONE_PLAN = False

    assert services.forecast(push=make_push(planned[1], moment), now=moment).issued == 4
