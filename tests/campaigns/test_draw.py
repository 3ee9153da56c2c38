import hashlib
import random
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from apps.accounts.actor import SYSTEM
from apps.campaigns.draw import bucket_sql
from apps.campaigns.models import CampaignAssignment
from apps.campaigns.selectors import arm_counts, bucket
from apps.campaigns.services import BadCampaign, assign, create_campaign
from tests.factories.facts import NOW, make_members

pytestmark = [pytest.mark.django_db, pytest.mark.service]


def campaign(**fields):
    return create_campaign(**{"name": "秋冬", "starts_at": NOW, "actor": SYSTEM, **fields})


def test_python_and_postgresql_draw_the_same_bucket_byte_for_byte():
    dice = random.Random(3)
    ids = [1, 255, 256, 2**32 - 1, *(dice.randrange(1, 2**32) for _one in range(500))]
    salt = bytes(range(16))

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {bucket_sql('id')} FROM unnest(%s::bigint[]) AS given (id)", [salt, ids]
        )
        rows = cursor.fetchall()

    assert [bucket(salt, member_id) for member_id, _bucket in rows] == [row[1] for row in rows]


def test_the_bucket_is_the_first_four_bytes_of_the_digest():
    digest = hashlib.sha256(b"salt" + (81).to_bytes(8, "big")).digest()

    assert bucket(b"salt", 81) == int.from_bytes(digest[:4], "big") % 10_000


def test_shares_are_kept_and_salts_are_independent():
    members = [member.pk for member in make_members(300)]
    first, second = campaign(control_share_bp=3000), campaign(control_share_bp=3000)

    counts = assign(campaign=first, member_ids=members, now=NOW)
    assign(campaign=second, member_ids=members, now=NOW)

    assert sum(counts.values()) == 300
    assert counts == arm_counts(first)
    assert 55 <= counts["control"] <= 125
    arms = [
        set(
            CampaignAssignment.objects.filter(campaign=each, arm="control").values_list(
                "member_id", flat=True
            )
        )
        for each in (first, second)
    ]
    assert arms[0] != arms[1]


def test_the_first_assignment_wins_whatever_is_drawn_later():
    members = [member.pk for member in make_members(50)]
    drawn = campaign(control_share_bp=9000)
    assign(campaign=drawn, member_ids=members[:25], now=NOW)
    before = dict(CampaignAssignment.objects.values_list("member_id", "arm"))

    drawn.control_share_bp = 0
    drawn.save()
    counts = assign(campaign=drawn, member_ids=members, now=NOW)

    after = dict(CampaignAssignment.objects.values_list("member_id", "arm"))
    assert {pk: after[pk] for pk in before} == before
    assert counts["control"] == sum(arm == "control" for arm in before.values())


def test_a_later_draw_is_kept_beside_the_first():
    members = [member.pk for member in make_members(2)]
    drawn = campaign(control_share_bp=5000)
    later = NOW + timedelta(days=7)

    assign(campaign=drawn, member_ids=members, now=NOW)
    assign(campaign=drawn, member_ids=members[:1], now=later)
    assign(campaign=drawn, member_ids=members[:1], now=NOW)  # a late one takes nothing back

    rows = CampaignAssignment.objects.all()
    kept = {row.member_id: (row.assigned_at, row.planned_at) for row in rows}
    assert kept == {members[0]: (NOW, later), members[1]: (NOW, NOW)}


def test_impossible_campaigns_are_refused():
    with pytest.raises(BadCampaign):
        campaign(control_share_bp=9001)
    with pytest.raises(BadCampaign):
        campaign(ends_at=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_draws_at_once_store_each_member_once():
    members = [member.pk for member in make_members(40)]
    drawn = campaign(control_share_bp=5000)
    results = []

    def draw():
        try:
            results.append(assign(campaign=drawn, member_ids=members, now=NOW))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=draw) for _one in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results[0] == results[1]
    assert CampaignAssignment.objects.count() == 40
