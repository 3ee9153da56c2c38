"""What events missed the comparison with WeCom heals."""

import pytest

from apps.core import clock
from apps.customer_groups.models import CustomerGroup, GroupMembership
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.services import sync_kind

pytestmark = pytest.mark.django_db


def compare(corp, *, dry=False):
    run = sync_kind(corp=corp, kind=SyncRun.Kind.GROUPS, now=clock.now(), dry=dry)
    assert run.state == SyncRun.State.DONE, run.error
    return run.seen, run.missing_here, run.missing_there, run.differing, run.healed


def test_a_group_nobody_told_of_comes_in_and_a_second_look_finds_nothing(corp, guide, chat):
    assert compare(corp, dry=True) == (1, 1, 0, 0, 0)
    assert not CustomerGroup.objects.exists()
    assert compare(corp) == (1, 1, 0, 0, 1)
    assert compare(corp) == (1, 0, 0, 0, 0)
    assert CustomerGroup.objects.get().owner == guide


def test_missed_changes_are_healed(corp, simulator, chat, stranger):
    compare(corp)
    ident = stranger()
    simulator.post("/sim/groups/join", chat_id=chat, external_userid=ident)
    assert compare(corp) == (1, 0, 0, 1, 1)
    simulator.post("/sim/groups/leave", chat_id=chat, external_userid=ident)
    assert compare(corp) == (1, 0, 0, 1, 1)
    stay = GroupMembership.objects.get(wecom_id=ident)
    assert stay.left_at is not None
    assert stay.quit_scene is None


def test_a_group_dissolved_unheard_ends(corp, simulator, chat):
    compare(corp)
    simulator.post("/sim/groups/dismiss", chat_id=chat)
    assert compare(corp) == (0, 0, 1, 0, 1)
    assert CustomerGroup.objects.get().dismissed_at is not None
