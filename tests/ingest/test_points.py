"""Points from tills and malls: each movement once, what is left right at every moment."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.loyalty.models import PointsEntry, PointsLot
from apps.loyalty.selectors import points_of
from apps.loyalty.services import forget_members, work_out_points
from apps.members.models import Member
from apps.members.selectors import survivor_group
from apps.stores.models import ScopeGrant
from tests.factories.facts import make_member, make_members, make_store
from tests.ingest.test_batches import codes, make_key, post, statuses

POINTS = "/api/v1/points/batch"


@pytest.fixture
def key(db):
    return make_key(["api_write_orders"])[1]


@pytest.fixture
def member(db):
    make_store("S1")
    return make_member()


def entry(member, points, number="", /, *, days=0, ends=None, **fields):
    now = clock.now()
    item = {
        "source": "pos",
        "external_no": number or uuid.uuid4().hex,
        "member": str(member.public_id),
        "store_code": "S1",
        "kind": "earned" if points > 0 else "spent",
        "points": points,
        "occurred_at": (now - timedelta(days=days, minutes=1)).isoformat(),
    }
    if ends is not None:
        item["expires_on"] = (clock.business_day(now) + timedelta(days=ends)).isoformat()
    return item | fields


def standing(member):
    return points_of(member_ids=survivor_group(member.pk), now=clock.now())


@pytest.mark.django_db
def test_earned_and_spent_and_what_ends_first_goes_first(member, key):
    items = [entry(member, 300, days=3, ends=90), entry(member, 100, days=2, ends=4),
             entry(member, -150, days=1)]  # fmt: skip

    assert statuses(post(POINTS, items, key)) == ["created"] * 3

    found, today = standing(member), clock.today()
    assert found.points == 250
    assert found.endings == ((today + timedelta(days=90), 250),)
    assert found.worth == "¥2.50"
    assert list(PointsLot.objects.values_list("points", flat=True)) == [250]


@pytest.mark.django_db
def test_sent_again_nothing_is_entered_twice_in_one_batch_or_two(member, key):
    items = [entry(member, 300, "P1"), entry(member, -100, "P2")]

    first, again = post(POINTS, [*items, items[0]], key), post(POINTS, items, key)

    assert statuses(first) == ["created", "created", "unchanged"]
    assert statuses(again) == ["unchanged", "unchanged"]
    assert PointsEntry.objects.count() == 2
    assert standing(member).points == 200


@pytest.mark.django_db
def test_a_number_with_other_content_is_refused_and_the_first_one_stays(member, key):
    other = make_member()
    post(POINTS, [entry(member, 300, "P1")], key)

    answer = post(POINTS, [entry(member, 500, "P1"), entry(other, 300, "P1")], key)

    assert codes(answer) == ["entry_changed", "entry_changed"]
    assert "调整" in answer.json()["results"][0]["error"]["message"]
    assert (standing(member).points, standing(other).points) == (300, 0)


@pytest.mark.django_db
def test_an_entry_is_never_changed_and_never_without_its_sign(member):
    now = clock.now()
    for kind, points, ends in (("earned", -1, None), ("spent", 1, None), ("adjusted", 0, None),
                               ("spent", -5, clock.today())):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            PointsEntry.objects.create(
                source="pos", external_no="1", member=member, kind=kind, points=points,
                occurred_at=now, expires_on=ends,
            )  # fmt: skip


@pytest.mark.django_db
def test_each_fault_is_said_and_the_good_ones_are_kept(member, key):
    yesterday = {"expires_on": (clock.today() - timedelta(days=1)).isoformat()}
    later = {"occurred_at": (clock.now() + timedelta(hours=1)).isoformat()}
    wanted = [
        (entry(member, 5, store_code="NOWHERE"), "unknown_store"),
        (entry(member, 5, member=str(uuid.uuid4())), "unknown_member"),
        (entry(member, 5, **later), "impossible_date"),
        (entry(member, -5, kind="earned"), "wrong_sign"),
        (entry(member, 5, kind="spent"), "wrong_sign"),
        (entry(member, 0, kind="adjusted"), "wrong_sign"),
        (entry(member, -5, ends=9), "end_of_loss"),
        (entry(member, 5, **yesterday), "ends_before"),
        (entry(member, 5, kind="welcome"), "invalid"),
        (entry(member, 5, source=""), "invalid"),
        (entry(member, 5, member=None), "invalid"),
        (entry(member, 5), None),
        (entry(member, -2, kind="adjusted", store_code=""), None),
    ]

    answer = post(POINTS, [item for item, _code in wanted], key)

    assert codes(answer) == [code for _item, code in wanted]
    assert standing(member).points == 3


@pytest.mark.django_db
def test_a_key_of_one_store_writes_there_alone(member):
    make_store("S2")
    narrow, raw = make_key(["api_write_orders"], chain_wide=False)
    ScopeGrant.objects.create(api_key=narrow, store=make_store("S3"))

    answer = post(POINTS, [entry(member, 5, store_code=code) for code in ("S3", "S2", "")], raw)

    assert codes(answer) == [None, "foreign_store", "store_needed"]
    assert post(POINTS, [], make_key(["api_write_members"])[1]).status_code == 403


@pytest.mark.django_db
def test_a_phone_finds_the_member_and_who_is_erased_is_unknown(member, key):
    phone = "13900001234"
    post("/api/v1/members/batch", [{"phone": phone}], make_key(["api_write_members"])[1])
    item = entry(member, 5, member=None, member_identity={"kind": "phone", "value": phone})
    gone = make_member()
    Member.objects.filter(pk=gone.pk).update(erased_at=clock.now())

    assert codes(post(POINTS, [item, entry(gone, 5)], key)) == [None, "unknown_member"]


@pytest.mark.django_db
def test_two_numbers_of_one_person_are_one_purse_and_part_again(member, key):
    twin = make_member()
    post(POINTS, [entry(member, 100, days=2, ends=5), entry(twin, 40, days=2)], key)
    Member.objects.filter(pk=twin.pk).update(survivor_id=member.pk)
    assert standing(member).points == 140

    post(POINTS, [entry(twin, -120, days=1)], key)

    assert standing(twin) == standing(member)
    assert (standing(member).points, standing(member).endings) == (20, ())

    Member.objects.filter(pk=twin.pk).update(survivor_id=twin.pk)
    work_out_points(member_ids=[member.pk, twin.pk], now=clock.now())
    assert (standing(member).points, standing(twin).points) == (100, -80)


@pytest.mark.django_db
def test_who_is_forgotten_has_none_and_the_entries_stay(member, key):
    post(POINTS, [entry(member, 100)], key)

    forget_members(member_ids=[member.pk], now=clock.now())

    assert standing(member).points == 0
    assert PointsEntry.objects.count() == 1


@pytest.mark.django_db
def test_a_batch_leaves_the_lots_that_it_does_not_change(member, key):
    post(POINTS, [entry(member, 10 * n, days=9, ends=n) for n in (2, 30, 60)], key)
    before = dict(PointsLot.objects.values_list("expires_on", "pk"))
    first, *others = sorted(before)

    post(POINTS, [entry(member, -5), entry(member, 70, ends=90)], key)

    after = {lot.expires_on: lot for lot in PointsLot.objects.all()}
    assert {day: after[day].pk for day in others} == {day: before[day] for day in others}
    assert [after[day].points for day in sorted(after)] == [15, 300, 600, 70]


@pytest.mark.django_db
def test_a_batch_costs_the_same_queries_at_any_size(db, key):
    make_store("S1")

    def queries(count):
        items = [entry(one, 10, ends=9) for one in make_members(count) for _twice in range(2)]
        with CaptureQueriesContext(connection) as asked:
            assert post(POINTS, items, key, f"p{count}").json()["rejected"] == 0
        return len(asked)

    queries(1)
    assert queries(3) == queries(60)


@pytest.mark.django_db(transaction=True)
def test_two_batches_of_the_same_people_count_each_other(transactional_db):
    make_store("S1")
    key, people = make_key(["api_write_orders"])[1], make_members(5)
    barrier, answers = threading.Barrier(4), []

    def work(number):
        items = [entry(one, 100 if number % 2 else -30, f"{number}-{one.pk}") for one in people]
        shared = [entry(people[0], 7, "same", days=1, occurred_at="2026-03-01T10:00:00+08:00")]
        barrier.wait()
        try:
            answers.append(post(POINTS, (items + shared)[:: 1 if number < 2 else -1], key))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = [status for answer in answers for status in statuses(answer)]
    assert (told.count("created"), told.count("unchanged")) == (21, 3)
    assert [standing(one).points for one in people] == [147, 140, 140, 140, 140]
