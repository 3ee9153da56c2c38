"""Dated relations, stop marks, notes, and the one door to a full number."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.capabilities import Capability
from apps.accounts.models import AuditEntry
from apps.members import selectors, services
from apps.members.models import (
    FollowRelation,
    Interaction,
    Member,
    MemberNote,
    ServingPeriod,
    StopMark,
)
from apps.timeline.models import MemberEvent
from tests.factories.facts import NOW, make_guide, make_member, make_members, make_store

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def serve(*pairs, now=NOW):
    return services.set_serving_guide(pairs=pairs, reason="test", now=now, actor=SYSTEM)


def follow(member, guide, since=NOW, external="wm1"):
    return services.start_follow(
        corp_id="wwtest", guide_id=guide.pk, member_id=member.pk, external_userid=external,
        since=since,
    )  # fmt: skip


def unfollow(guide, at, external="wm1"):
    return services.end_follow(
        corp_id="wwtest", guide_id=guide.pk, external_userid=external, at=at, ended_by="customer"
    )


def test_a_new_serving_guide_ends_the_period_of_the_old_one():
    store = make_store()
    member, first, second = make_member(), make_guide(store), make_guide(store)

    serve((member.pk, first.pk, store.pk))
    serve((member.pk, first.pk, store.pk), now=NOW + DAY)
    serve((member.pk, second.pk, store.pk), now=NOW + 2 * DAY)

    periods = ServingPeriod.objects.filter(member=member).order_by("since")
    assert list(periods.values_list("guide_id", "until")) == [
        (first.pk, NOW + 2 * DAY),
        (second.pk, None),
    ]
    changed = MemberEvent.objects.filter(member_id=member.pk, kind="serving.changed")
    assert changed.count() == 2


def test_a_change_at_the_same_moment_corrects_the_period():
    store = make_store()
    member, first, second = make_member(), make_guide(store), make_guide(store)

    serve((member.pk, first.pk, store.pk))
    serve((member.pk, second.pk, store.pk))

    assert list(ServingPeriod.objects.values_list("guide_id", "until")) == [(second.pk, None)]


def test_a_friendship_begins_once_and_its_guide_serves_who_had_nobody():
    store = make_store()
    member, guide = make_member(), make_guide(store)

    assert follow(member, guide) is not None
    assert follow(member, guide, since=NOW + DAY) is None

    assert selectors.serving_of([member.pk])[member.pk].guide_id == guide.pk
    assert FollowRelation.objects.count() == 1


def test_late_and_repeated_news_of_a_friendship_changes_nothing():
    member, guide = make_member(), make_guide(make_store())
    follow(member, guide)
    ended = unfollow(guide, NOW + DAY)

    assert ended.ended_by == "customer"
    assert unfollow(guide, NOW + DAY) is None
    assert follow(member, guide) is None
    assert follow(member, guide, since=NOW + 2 * DAY) is not None
    assert unfollow(guide, NOW + DAY) is None
    assert FollowRelation.objects.current().count() == 1


def test_a_stop_mark_stands_once_until_it_is_lifted():
    member = make_member()

    first = services.stop_contact(member_id=member.pk, source="till", now=NOW, actor=SYSTEM)
    again = services.stop_contact(member_id=member.pk, source="till", now=NOW, actor=SYSTEM)

    assert first == again
    assert services.lift_stop(member_id=member.pk, source="hq", now=NOW + DAY, actor=SYSTEM)
    assert not services.lift_stop(member_id=member.pk, source="hq", now=NOW + DAY, actor=SYSTEM)
    assert not StopMark.objects.current().exists()


def test_a_repeated_note_is_the_same_note_and_is_stored_encrypted():
    member, guide = make_member(), make_guide(make_store())
    tap = {
        "member_id": member.pk, "guide_id": guide.pk, "body": "喜欢白色", "client_id": uuid.uuid4(),
        "now": NOW, "actor": SYSTEM,
    }  # fmt: skip

    first, second = services.add_note(**tap), services.add_note(**tap)

    assert first == second
    assert "喜欢白色".encode() not in bytes(MemberNote.objects.get().body_enc)
    assert [note.body for note in selectors.notes_of(member_id=member.pk)] == ["喜欢白色"]
    assert Interaction.objects.filter(kind="note").count() == 1


def test_a_note_id_of_somebody_else_is_refused():
    first, second = make_members(2)
    guide, tap = make_guide(make_store()), uuid.uuid4()
    note = {"guide_id": guide.pk, "body": "x", "client_id": tap, "now": NOW, "actor": SYSTEM}
    services.add_note(member_id=first.pk, **note)

    with pytest.raises(services.NoteIdTaken):
        services.add_note(member_id=second.pk, **note)


def test_a_full_number_is_shown_for_a_reason_on_the_record_and_within_a_limit(settings):
    settings.UNMASK_DAILY_LIMIT = 2
    member = make_member()
    actor = Actor(user_id=1, sees_all=True, capabilities=frozenset({Capability.UNMASK_MEMBERS}))
    look = {"member_id": member.pk, "actor": actor, "reason": "complaint", "now": NOW}

    number = services.unmask_phone(**look)

    assert number.startswith("+86139")
    assert selectors.masked_phone(member) == f"139****{number[-4:]}"
    assert AuditEntry.objects.get().object_id == str(member.pk)
    services.unmask_phone(**look)
    with pytest.raises(services.UnmaskLimitReached):
        services.unmask_phone(**look)


def test_a_full_number_is_refused_without_the_right_or_outside_the_scope():
    member, store = make_member(), make_store()
    may = frozenset({Capability.UNMASK_MEMBERS})
    for actor in (
        Actor(user_id=1, sees_all=True),
        Actor(user_id=1, store_ids=frozenset({store.pk}), capabilities=may),
    ):
        with pytest.raises(services.UnmaskNotAllowed):
            services.unmask_phone(member_id=member.pk, actor=actor, reason="x", now=NOW)


def test_cards_cost_the_same_queries_at_any_size():
    def queries(count):
        ids = [member.pk for member in make_members(count)]
        with CaptureQueriesContext(connection) as found:
            cards = selectors.member_card(member_ids=ids)
        assert len(cards) == count
        return len(found)

    assert queries(2) == queries(40) <= 8


def test_of_friends_told_together_the_first_guide_serves_and_nobody_is_served_anew():
    store = make_store("S9")
    early, late = make_guide(store), make_guide(store)
    stranger, served = make_members(2)
    serve((served.pk, late.pk, store.pk), now=NOW - DAY)
    rows = [
        services.FollowRow("wwtest", guide.pk, member.pk, f"wm{member.pk}", since)
        for member in (stranger, served)
        for guide, since in ((late, NOW - DAY), (early, NOW - 2 * DAY))
    ]
    begun = services.start_follows(rows=rows, now=NOW)
    stored = FollowRelation.objects.order_by("pk")
    assert [one.pk for one in begun] == [one.pk for one in stored]
    assert [(one.since, one.until, one.ended_by) for one in begun] == [
        (one.since, one.until, one.ended_by) for one in stored
    ]
    serving = dict(ServingPeriod.objects.current().values_list("member_id", "guide_id"))
    assert serving == {stranger.pk: early.pk, served.pk: late.pk}
    assert services.start_follows(rows=rows, now=NOW) == []


def test_whom_somebody_serves_is_the_same_for_a_set_and_for_each_of_a_few():
    store, elsewhere = make_store(), make_store()
    guide, colleague, stranger = make_guide(store), make_guide(store), make_guide(elsewhere)
    served, followed, other, far = (make_member() for _ in range(4))
    serve((served.pk, guide.pk, store.pk), (other.pk, colleague.pk, store.pk))
    serve((far.pk, stranger.pk, elsewhere.pk))
    follow(followed, guide)
    whose = {
        Actor(guide_id=guide.pk): {served, followed},
        Actor(store_ids=frozenset([store.pk])): {served, followed, other},
        Actor(guide_id=stranger.pk): {far},
        Actor(sees_all=True): {served, followed, other, far},
        Actor(): set(),
    }

    for actor, expected in whose.items():
        for each in (False, True):
            assert set(Member.objects.served_by(actor, each=each)) == expected
