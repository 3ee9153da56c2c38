"""Two batches learn of more people while they wait for others: neither blocks the other."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from apps.accounts.actor import SYSTEM
from apps.members.models import Member, MemberIdentity
from apps.members.services import MemberRow, hold_members, identities, resolve_members
from tests.factories.facts import NOW

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PATIENCE = 20
_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def resolve(*rows):
    """Each row as the external ids of one person."""
    given = [
        MemberRow(identities=[("external_userid", "corp", one) for one in row]) for row in rows
    ]
    return resolve_members(rows=given, now=NOW, source="wecom", actor=SYSTEM)


def elsewhere(rows):
    """The same on a connection of its own."""
    try:
        return resolve(*rows)
    finally:
        connections.close_all()


def until_both_wait():
    over = time.monotonic() + PATIENCE
    waiting = 0
    while waiting < 2:
        assert time.monotonic() < over, "both should wait for the first batch"
        time.sleep(0.02)
        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            (waiting,) = cursor.fetchone()


def look_again_together(monkeypatch):
    """Each of two batches holds its first turns when it looks for the second time."""
    both, load, looks = threading.Barrier(2), identities._Batch.load_known, Counter()

    def load_known(batch):
        looks[id(batch)] += 1
        if looks[id(batch)] == 2:
            both.wait(timeout=PATIENCE)
        load(batch)

    monkeypatch.setattr(identities._Batch, "load_known", load_known)


def test_two_that_become_large_while_they_wait(monkeypatch):
    monkeypatch.setattr(identities, "_FEW", 2)
    with ThreadPoolExecutor(2) as workers:
        with transaction.atomic():
            made = resolve(["wmOne"], ["wmTwo"])
            batches = [["wmOne", "wmOneMore"]], [["wmTwo", "wmTwoMore"]]
            running = [workers.submit(elsewhere, rows) for rows in batches]
            until_both_wait()
        answers = [one.result(timeout=PATIENCE) for one in running]

    # each of them named two, and then the person who was made: more than a few
    assert [found.member_id for [found] in answers] == [one.member_id for one in made]
    assert Member.objects.count() == 2
    assert MemberIdentity.objects.count() == 4


def test_two_that_come_to_want_whom_the_other_has(monkeypatch):
    first, second = (one.member_id for one in resolve(["wmFirst"], ["wmSecond"]))
    with ThreadPoolExecutor(2) as workers:
        with transaction.atomic():
            resolve(["wmFirst", "wmA"], ["wmSecond", "wmB"])
            look_again_together(monkeypatch)
            batches = (
                [["wmSecond", "wmC"], ["wmA", "wmD"]],  # holds the second, learns of the first
                [["wmFirst", "wmE"], ["wmB", "wmF"]],  # and the other way round
            )
            running = [workers.submit(elsewhere, rows) for rows in batches]
            until_both_wait()
        answers = [[found.member_id for found in one.result(timeout=PATIENCE)] for one in running]

    assert answers == [[second, first], [first, second]]
    assert Member.objects.count() == 2
    assert MemberIdentity.objects.count() == 8


def of_sheet(phones):
    """As an import does: the sheet's people are held, then brought one by one."""
    with transaction.atomic():
        hold_members(phones=phones)
        return [bring(phone) for phone in phones]


def bring(phone):
    row = MemberRow(identities=[("phone", "", phone)], level="金卡")
    return resolve_members(rows=[row], now=NOW, source="import", actor=SYSTEM)[0].member_id


def sheet_elsewhere(phones):
    try:
        return of_sheet(phones)
    finally:
        connections.close_all()


def until_one_waits():
    over, waiting = time.monotonic() + PATIENCE, 0
    while not waiting:
        assert time.monotonic() < over, "the second sheet should wait for the first"
        time.sleep(0.02)
        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            (waiting,) = cursor.fetchone()


def test_two_sheets_with_the_same_people_in_another_order_both_go_in():
    known, fresh = "13800000001", "13800000002"
    bring(known)
    with ThreadPoolExecutor(1) as workers:
        with transaction.atomic():
            hold_members(phones=[known, fresh, "no number"])
            first = [bring(known)]
            other = workers.submit(sheet_elsewhere, [fresh, known])
            until_one_waits()
            first.append(bring(fresh))
        second = other.result(timeout=PATIENCE)

    assert second == first[::-1]
    assert Member.objects.count() == 2


def batch_elsewhere(phones):
    rows = [MemberRow(identities=[("phone", "", phone)]) for phone in phones]
    try:
        found = resolve_members(rows=rows, now=NOW, source="pos", actor=SYSTEM)
        return [one.member_id for one in found]
    finally:
        connections.close_all()


@pytest.mark.parametrize("few", [1, 250])
@pytest.mark.parametrize("order", [1, -1])
def test_a_sheet_and_a_batch_with_the_same_strangers_both_go_in(monkeypatch, order, few):
    """In one of both orders the batch would hold what the sheet comes to last."""
    monkeypatch.setattr(identities, "_FEW", few)
    phones = ["13800000001", "13800000002"][::order]
    with ThreadPoolExecutor(1) as workers:
        with transaction.atomic():
            hold_members(phones=phones)
            made = [bring(phones[0])]
            other = workers.submit(batch_elsewhere, phones)
            until_one_waits()
            made.append(bring(phones[1]))
        found = other.result(timeout=PATIENCE)

    assert found == made
    assert Member.objects.count() == 2
