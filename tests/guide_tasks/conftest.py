"""The usual scene: a store, one guide with three friends, a push to them. A file with another scene
has fixtures of its own by these names."""

import pytest

from tests.factories.facts import make_store
from tests.factories.tasks import hand_out, make_team, members_of, target_of


@pytest.fixture
def store(db):
    return make_store()


@pytest.fixture
def people(moment, store):
    return members_of(make_team(moment, guides=1, friends=3, store=store))


@pytest.fixture
def push(people, moment):
    return hand_out(people, moment)


@pytest.fixture
def target(push, people):
    return target_of(push, people[0])
