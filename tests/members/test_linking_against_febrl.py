"""Records that nobody here made: linking by a strong key alone is never wrong, and finds 90 %."""

import csv
from itertools import combinations
from pathlib import Path

import pytest
from django.db import connection

from apps.accounts.actor import SYSTEM
from apps.members import services
from apps.members.models import Member
from apps.members.services import MemberRow
from tests.factories.facts import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

DATA = Path(__file__).resolve().parents[1] / "data"
BATCH = 300


def _read(name):
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def _row(record):
    """The strong key where there is one; a sign-up without it is known by its channel's id."""
    strong = record["soc_sec_id"].strip()
    identity = (
        ("member_no", "febrl", strong) if strong else ("channel_id", "febrl", record["rec_id"])
    )
    return MemberRow(
        identities=[identity], name=f"{record['given_name']} {record['surname']}".strip()
    )


def _link(records):
    """Record ids by member, taken in batches as a channel would send them."""
    records_of = {}
    for start in range(0, len(records), BATCH):
        part = records[start : start + BATCH]
        found = services.resolve_members(
            rows=[_row(record) for record in part], now=NOW, source="febrl", actor=SYSTEM
        )
        assert [answer.error for answer in found] == [""] * len(part)
        for record, answer in zip(part, found, strict=True):
            records_of.setdefault(answer.member_id, []).append(record["rec_id"])
    return records_of


def test_the_strong_key_links_no_two_people_and_nine_pairs_in_ten():
    records = _read("febrl1_records.csv")
    true_pairs = {(row["rec_id_a"], row["rec_id_b"]) for row in _read("febrl1_true_pairs.csv")}

    records_of = _link(records)

    linked = {pair for ids in records_of.values() for pair in combinations(sorted(ids), 2)}
    assert len(true_pairs) == 500
    assert linked - true_pairs == set()
    assert len(linked & true_pairs) / len(true_pairs) == pytest.approx(0.900, abs=0.0005)
    assert Member.objects.count() == len(records_of) == 1000 - len(linked)


def test_taking_the_same_records_again_makes_nobody_and_burns_no_id():
    records = _read("febrl1_records.csv")
    first = _link(records)

    again = _link(records[::-1])

    assert set(again) == set(first)
    assert Member.objects.count() == len(first)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) - min(id) + 1 FROM members_member")
        assert cursor.fetchone()[0] == len(first)
