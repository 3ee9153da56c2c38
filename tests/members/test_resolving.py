"""Rows with identifiers become members: unique, set-wise, never merged by accident."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM
from apps.members import selectors, services, story
from apps.members.models import Consent, Member, MemberIdentity
from apps.members.services import ConsentRow, MemberRow
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import NOW, make_member, make_phone

pytestmark = pytest.mark.django_db


def resolve(*rows, now=NOW):
    return services.resolve_members(rows=list(rows), now=now, source="pos", actor=SYSTEM)


def row(*identities, **fields):
    return MemberRow(identities=list(identities), **fields)


def kinds_of(member_id):
    events = MemberEvent.objects.filter(member_id=member_id).order_by("id")
    return list(events.values_list("kind", flat=True))


def test_every_kind_told_by_this_room_is_one_of_the_timelines():
    assert {str(what) for what in story.What} <= set(Kind.values)


def test_a_new_phone_makes_a_member_and_the_same_phone_finds_it_again():
    [first] = resolve(row(("phone", "", "139 0000 0001"), name="王芳", joined_at=NOW))
    [second] = resolve(row(("phone", "", "+8613900000001")))

    member = Member.objects.get(pk=first.member_id)
    assert (first.created, second.created) == (True, False)
    assert second.member_id == first.member_id
    assert second.identity_ids == first.identity_ids
    assert (member.survivor_id, member.phone_last4, member.name) == (member.pk, "0001", "王芳")
    assert sorted(kinds_of(member.pk)) == ["member.created", "member.joined"]


def test_the_phone_is_stored_encrypted_and_keyed():
    phone = make_phone()
    [found] = resolve(row(("phone", "", phone)))

    identity = MemberIdentity.objects.get(pk=found.identity_ids[0])
    assert phone.encode() not in bytes(identity.value_enc)
    assert selectors.identity_values(member_id=found.member_id, kind="phone") == [
        ("", f"+86{phone}")
    ]


def test_a_known_identity_brings_the_rows_new_ones_to_its_member():
    member = make_member()
    phone = selectors.identity_values(member_id=member.pk, kind="phone")[0][1]

    [found] = resolve(row(("phone", "", phone), ("external_userid", "wwtest", "wm001")))

    assert found.member_id == member.pk
    assert selectors.find_by_identity("external_userid", "wwtest", "wm001") == member
    assert selectors.find_by_identity("external_userid", "other", "wm001") is None


def test_identities_of_two_members_are_a_conflict_and_nothing_is_written():
    resolve(row(("member_no", "pos", "A1"), name="甲"), row(("member_no", "pos", "B1"), name="乙"))

    [answer] = resolve(row(("member_no", "pos", "A1"), ("member_no", "pos", "B1"), name="丙"))

    assert (answer.error, answer.member_id) == ("identity_conflict", None)
    assert not Member.objects.filter(name="丙").exists()
    assert Member.objects.count() == 2


def test_a_second_phone_of_one_person_is_left_for_people_to_decide():
    [first] = resolve(row(("member_no", "pos", "A1"), ("phone", "", make_phone())))

    [answer] = resolve(row(("member_no", "pos", "A1"), ("phone", "", make_phone())))

    assert answer.error == "identity_conflict"
    assert MemberIdentity.objects.filter(member_id=first.member_id).count() == 2


def test_rows_of_one_batch_that_share_an_identity_are_one_person():
    phone = make_phone()

    first, second = resolve(
        row(("phone", "", phone), name="甲"), row(("phone", "", phone), ("member_no", "pos", "A1"))
    )

    assert first.member_id == second.member_id
    assert (first.created, second.created) == (True, False)
    assert Member.objects.count() == 1


@pytest.mark.parametrize(
    ("identities", "code"),
    [
        ([], "no_identity"),
        ([("phone", "", "12")], "invalid_phone"),
        ([("cookie", "", "x")], "unknown_identity_kind"),
        ([("member_no", "pos", "  ")], "invalid_identity"),
    ],
)
def test_bad_rows_are_named_and_good_ones_stay(identities, code):
    bad, good = resolve(row(*identities), row(("phone", "", make_phone())))

    assert bad.error == code
    assert good.created


def test_empty_fields_change_nothing_and_the_first_joining_day_stays():
    [found] = resolve(row(("member_no", "pos", "A1"), name="王芳", gender="f", joined_at=NOW))

    resolve(row(("member_no", "pos", "A1"), joined_at=NOW + timedelta(days=9), level="gold"))

    member = Member.objects.get(pk=found.member_id)
    assert (member.name, member.gender, member.level) == ("王芳", "f", "gold")
    assert member.joined_at == NOW


def test_ids_are_drawn_only_for_new_members():
    first = make_member()
    phone = selectors.identity_values(member_id=first.pk, kind="phone")[0][1]
    for _again in range(5):
        resolve(row(("phone", "", phone)))

    assert make_member().pk == first.pk + 1


def test_a_withdrawn_consent_is_not_given_again_by_an_old_row():
    consent = ConsentRow("wecom_marketing", "v1", "till", NOW)
    [found] = resolve(row(("member_no", "pos", "A1"), consents=[consent]))
    services.withdraw_consent(
        member_id=found.member_id, purpose="wecom_marketing", channel="phone",
        now=NOW + timedelta(days=1),
    )  # fmt: skip

    resolve(row(("member_no", "pos", "A1"), consents=[consent]))
    assert not Consent.objects.valid().exists()

    later = consent._replace(given_at=NOW + timedelta(days=2))
    resolve(row(("member_no", "pos", "A1"), consents=[later]))
    assert Consent.objects.valid().count() == 1
    assert kinds_of(found.member_id)[1:] == [
        "consent.given", "consent.withdrawn", "consent.given",
    ]  # fmt: skip


def test_the_database_refuses_a_second_owner_of_an_identity():
    first, second = make_member(), make_member()
    identity = MemberIdentity.objects.get(member=first)
    identity.pk, identity.member = None, second

    with pytest.raises(IntegrityError, match="members_identity_unique"):
        identity.save(force_insert=True)


def test_a_batch_costs_the_same_queries_at_any_size():
    def queries(count):
        rows = [row(("phone", "", make_phone()), joined_at=NOW) for _number in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as found:
            resolve(*rows)
        return len(found)

    queries(2)
    assert queries(10) == queries(200)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_two_batches_at_once_make_each_person_once():
    phones = [make_phone() for _number in range(50)]
    barrier, answers = threading.Barrier(2), []

    def work(order):
        barrier.wait()
        try:
            answers.append(resolve(*[row(("phone", "", phone)) for phone in order]))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(order,)) for order in (phones, phones[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Member.objects.count() == 50
    assert {one.member_id for one in answers[0]} == {one.member_id for one in answers[1]}


@pytest.fixture
def held_open():
    """Another connection makes members and keeps its transaction open until it is told to end."""
    done, made, threads = threading.Event(), threading.Event(), []

    def hold(*rows):
        def work():
            try:
                with transaction.atomic():
                    resolve(*rows)
                    made.set()
                    done.wait(20)
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=work))
        threads[0].start()
        assert made.wait(20)

    yield hold
    done.set()
    for thread in threads:
        thread.join()


def resolve_within(seconds, *rows):
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{seconds}s'")
        return resolve(*rows)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_who_makes_other_people_does_not_wait(held_open):
    held_open(row(("phone", "", make_phone())))

    (answer,) = resolve_within(1, row(("phone", "", make_phone())))

    assert answer.created


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize("shared", ["phone", "member"])
def test_who_is_about_the_same_person_waits(held_open, shared):
    phone, one, other = make_phone(), ("external_userid", "c", "wm1"), ("unionid", "", "o1")
    if shared == "member":  # known by two identities: each batch names another of them
        resolve(row(one, other))
        held_open(row(one, ("phone", "", phone)))
        waiting = row(other, ("phone", "", make_phone()))
    else:
        held_open(row(one, ("phone", "", phone)))
        waiting = row(("phone", "", phone))

    with pytest.raises(OperationalError, match="lock timeout"):
        resolve_within(1, waiting)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_a_large_batch_stops_everybody_who_brings_somebody_new(held_open):
    held_open(*[row(("phone", "", make_phone())) for _number in range(300)])

    with pytest.raises(OperationalError, match="lock timeout"):
        resolve_within(1, row(("phone", "", make_phone())))
