"""Chosen by purchases: who does not want that is counted and left out, and work for them ends."""

import pytest

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import services
from apps.guide_tasks.models import NotIssued, TaskPush, TaskTarget
from apps.guide_tasks.services import consents
from apps.hq.selectors import members_by_reach, reach_of
from apps.members import services as members
from apps.members.models import Consent
from apps.outreach import policy
from apps.segments.compile import rests_on_profile
from tests.factories.facts import make_store
from tests.factories.tasks import hand_out, make_push, make_team, members_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]

BY_STAGE = {
    "op": "not",
    "items": [{"field": "stage", "operator": "in", "value": ["lost"]}],
}
BY_FRIEND = {"op": "and", "items": [{"field": "is_friend", "operator": "is", "value": True}]}


@pytest.fixture
def people(moment):
    """Never asked; agreed; took it back; left it out on our own page; joined there and agreed."""
    found = members_of(make_team(moment, guides=1, friends=5, store=make_store()))
    _never, agreed, took_back, left_out, joined = found
    for one in (agreed, took_back, joined):
        give(one, "profiling", moment)
    for one in (left_out, joined):
        give(one, "membership", moment, channel="join_page")
    take_back(took_back, moment)
    return found


def give(member, purpose, moment, channel="pos"):
    members.give_consent(
        member_id=member.pk, purpose=purpose, text_version="1", channel=channel, given_at=moment
    )


def take_back(member, moment):
    members.withdraw_consent(
        member_id=member.pk, purpose="profiling", channel="member_page", now=moment
    )


def by_stage(push):
    version = push.segment_run.version
    version.definition = BY_STAGE
    version.save()
    return push


def refused(push):
    return dict(NotIssued.objects.filter(push=push).values_list("member_id", "reason"))


def test_a_tree_rests_on_profiles_wherever_such_a_field_stands():
    assert rests_on_profile(BY_STAGE)
    assert rests_on_profile({"op": "or", "items": [BY_FRIEND, BY_STAGE]})
    assert not rests_on_profile(BY_FRIEND)
    assert not rests_on_profile({"op": "and", "items": []})


def test_who_does_not_want_it_is_left_out_and_counted(people, moment):
    push = by_stage(make_push(people, moment))
    forecast = services.forecast(push=push, now=moment)
    services.hand_out(push=push, now=moment, actor=SYSTEM)

    _never, _agreed, took_back, left_out, _joined = people
    assert forecast.refused == {"no_profiling": 2}
    assert refused(push) == {took_back.pk: "no_profiling", left_out.pk: "no_profiling"}
    assert TaskTarget.objects.filter(push=push).count() == 3


def test_a_push_to_all_of_a_kind_that_asks_no_purchases_reaches_them_too(people, moment):
    push = hand_out(people, moment)

    assert refused(push) == {}
    assert TaskTarget.objects.filter(push=push).count() == 5


def test_head_office_reads_the_same_before_it_makes_a_push(people, moment):
    asked = {"definition": BY_STAGE, "now": moment}

    counted = {code: n for code, _words, n in reach_of(**asked).refused}

    assert counted == {"no_profiling": 2}
    listed = members_by_reach(refusal=policy.Refusal.NO_PROFILING, limit=10, **asked)
    assert sorted(listed) == sorted([people[2].pk, people[3].pk])
    assert reach_of(definition=BY_FRIEND, now=moment).refused == []


def test_taking_it_back_ends_the_work_that_rests_on_it_and_no_other(people, moment):
    push = by_stage(make_push(people[:2], moment))
    services.hand_out(push=push, now=moment, actor=SYSTEM)
    other = hand_out([people[4]], moment)
    for one in (people[1], people[4]):
        take_back(one, moment)

    ended = [
        consents.excuse_unconsented(member_id=one.pk, purpose="profiling", now=moment)
        for one in (people[1], people[4], people[1])
    ]

    assert ended == [1, 0, 0]
    assert TaskTarget.objects.get(push=push, member=people[1]).excuse_reason == "consent_gone"
    assert TaskTarget.objects.get(push=push, member=people[0]).state == "open"
    assert TaskTarget.objects.get(push=other).state == "open"


def test_rules_that_choose_by_purchases_are_such_pushes():
    assert consents.by_profile(TaskPush(kind=TaskPush.Kind.SILENT))
    assert consents.by_profile(TaskPush(kind=TaskPush.Kind.NEW_GOODS))
    assert not consents.by_profile(TaskPush(kind=TaskPush.Kind.BIRTHDAY))
    assert "join_page" in Consent.OWN_PAGES
