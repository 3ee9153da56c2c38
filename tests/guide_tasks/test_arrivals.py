"""已到店: who was in the shop, for the work whose window runs, and whose word it is."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.guide_tasks import services
from apps.guide_tasks.models import Evidence, Grade, Outcome, State
from apps.guide_tasks.selectors.guide import proofs_of
from apps.guide_tasks.selectors.results import push_results
from apps.members.models import Member
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import make_store
from tests.factories.tasks import hand_out, make_team, members_of, target_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def people(moment):
    return members_of(make_team(moment, guides=1, friends=3, store=make_store()))


@pytest.fixture
def push(people, moment):
    return hand_out(people, moment)


def came(member, at, *, source=None, actor="guide:1"):
    source = source or f"visit:{uuid.uuid4()}"
    return services.record_visit(member_id=member.pk, source=source, occurred_at=at, actor=actor)


def test_a_visit_is_an_outcome_with_its_time_and_completes_nothing(push, people, moment):
    at = moment + timedelta(hours=2)

    assert came(people[0], at, source="visit:one") == 1

    target = target_of(push, people[0])
    assert (target.visited_at, target.state, target.contact_grade) == (at, State.OPEN, Grade.NONE)
    proof = Evidence.objects.get(target=target)
    assert (proof.outcome, proof.source, proof.actor) == (Outcome.VISITED, "visit:one", "guide:1")
    told = MemberEvent.objects.get(member_id=people[0].pk, kind=Kind.VISITED)
    assert (told.actor, told.payload["source"]) == ("guide:1", "visit:one")
    assert push_results(push).outcomes["visited"] == 1


def test_the_same_visit_again_changes_nothing_and_the_earliest_is_the_time(push, people, moment):
    later, earlier = moment + timedelta(days=2), moment + timedelta(days=1)
    assert came(people[0], later, source="visit:one") == 1

    assert came(people[0], later, source="visit:one") == 0
    assert came(people[0], earlier, source="visit:two") == 1
    assert came(people[0], later + timedelta(days=1), source="visit:three") == 1

    target = target_of(push, people[0])
    assert target.visited_at == earlier
    assert Evidence.objects.filter(target=target).count() == 3


def test_only_the_window_of_the_work_counts(push, people, moment):
    target = target_of(push, people[0])
    end = target.opens_at + timedelta(days=push.campaign.window_days)

    assert came(people[0], target.opens_at - timedelta(seconds=1)) == 0
    assert came(people[0], end) == 0
    assert came(people[0], target.opens_at) == 1
    assert came(people[1], end - timedelta(seconds=1)) == 1
    assert target_of(push, people[2]).visited_at is None


def test_a_page_says_whose_word_a_visit_is(push, people, moment):
    target = target_of(push, people[0])
    came(people[0], moment + timedelta(hours=1))
    other = target_of(push, people[1])
    came(people[1], moment + timedelta(hours=1), source="door:1", actor="system")

    lines = proofs_of([target, other])

    assert [line.code for line in lines[target.pk]] == ["visit_noted"]
    assert [line.code for line in lines[other.pk]] == ["visited"]


def test_all_that_a_merged_customer_was_is_counted_in_as_many_questions(push, people, moment):
    def questions(at):
        with CaptureQueriesContext(connection) as asked:
            came(people[0], at)
        return len([row for row in asked if "SAVEPOINT" not in row["sql"]])

    came(people[0], moment + timedelta(minutes=1))
    once = questions(moment + timedelta(hours=1))
    Member.objects.filter(pk__in=[person.pk for person in people[1:]]).update(
        survivor_id=people[0].pk
    )

    assert questions(moment + timedelta(hours=2)) == once
    assert all(target_of(push, person).visited_at for person in people)
