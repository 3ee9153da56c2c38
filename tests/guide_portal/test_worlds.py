"""Tests that begin from one world see nothing of each other, and the others nothing of it."""

import pytest

from apps.members.models import Member
from apps.stores.models import Guide
from tests import worlds
from tests.factories.facts import make_guide

pytestmark = pytest.mark.xdist_group("worlds")  # one after the other, in one process


@pytest.mark.parametrize("turn", [1, 2])
def test_each_finds_the_world_as_it_was_built(turn, shop):
    shop.guide.refresh_from_db()
    assert shop.guide.name != "改"
    assert len(shop.members) == 3
    assert Guide.objects.count() == 3

    Guide.objects.update(name="改")
    shop.guide.name = "改"
    shop.members.clear()
    make_guide(None)


def test_the_objects_of_a_copy_hang_together(shop):
    assert shop.team[0][0] is shop.guide
    assert shop.targets[0].member_id == shop.members[0].pk


def test_who_begins_elsewhere_finds_nothing_of_it(db):
    assert worlds._open is None
    assert not Member.objects.exists()
    assert not Guide.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_really_commits_has_a_world_of_its_own(shop):
    assert worlds._open is None
    assert len(shop.members) == 3
