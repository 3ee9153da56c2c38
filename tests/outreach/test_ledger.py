"""One member, all senders: who may write next, and who waits."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.members import services as members
from apps.members.models import Interaction, Member
from apps.outreach import ledger, policy
from apps.outreach import services as outreach
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.outreach.policy import Refusal
from tests.factories import outreach as make

pytestmark = pytest.mark.django_db

Result = DispatchRecipient.State


@pytest.fixture
def colleague(corp, simulator):
    return make.make_posted_guide(simulator=simulator)


@pytest.fixture
def friend(guide, colleague, simulator):
    """A member served by `guide` and a friend of both."""
    ((member, external),) = make.make_friends(guide, simulator=simulator)
    return member, external


def contacts(member, colleague, now=None):
    found = ledger.by_colleagues(
        member_ids=[member.pk], guide_id=colleague.pk, now=now or clock.now()
    )
    return found.get(member.pk)


def talk(member, guide, *, hours_ago=1, kind="chat_opened"):
    Interaction.objects.create(
        member=member,
        guide=guide,
        kind=kind,
        occurred_at=clock.now() - timedelta(hours=hours_ago),
        source=f"talk:{member.pk}:{guide.pk}:{kind}",
    )


def decide(dispatch, state, at=None):
    DispatchRecipient.objects.filter(dispatch=dispatch).update(
        state=state, result_at=at or clock.now()
    )


def test_a_send_on_its_way_is_a_contact_for_colleagues_alone(guide, colleague, friend):
    dispatch = make.request_send(guide, [friend])

    found = contacts(friend[0], colleague)

    assert (found.guide_id, found.dispatch_id, found.reached) == (guide.pk, dispatch.pk, False)
    assert contacts(friend[0], guide) is None


def test_what_was_delivered_counts_from_its_delivery(guide, colleague, friend):
    decide(make.request_send(guide, [friend]), "delivered", clock.now() - timedelta(hours=23))
    assert contacts(friend[0], colleague).reached

    DispatchRecipient.objects.update(result_at=clock.now() - timedelta(hours=25))
    assert contacts(friend[0], colleague) is None


@pytest.mark.parametrize("state", [Result.NOT_SENT, Result.REFUSED, Result.NOT_FRIEND])
def test_what_never_arrived_is_no_contact(guide, colleague, friend, state):
    decide(make.request_send(guide, [friend]), state)

    assert contacts(friend[0], colleague) is None


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("chat_opened", True), ("message", True), ("visit", False), ("note", False)],
)
def test_a_chat_begun_by_hand_counts_a_note_or_visit_does_not(
    guide, colleague, friend, kind, counts
):
    talk(friend[0], guide, kind=kind)

    assert bool(contacts(friend[0], colleague)) is counts


def test_merged_persons_share_their_contacts(guide, colleague, friend):
    ((other, _external),) = make.make_friends(guide)
    talk(friend[0], guide)
    Member.objects.filter(pk=friend[0].pk).update(survivor_id=other.pk)

    assert contacts(other, colleague)
    assert contacts(friend[0], colleague)


def test_who_really_sent_is_the_sender_wecom_names(guide, colleague, friend):
    dispatch = make.request_send(guide, [friend])
    decide(dispatch, "delivered")
    DispatchRecipient.objects.update(sender_userid=colleague.wecom_userid)

    assert contacts(friend[0], colleague) is None
    assert contacts(friend[0], guide).guide_id == colleague.pk


def test_a_held_send_counts_until_it_has_gone_out(guide, colleague, friend):
    now = clock.now()
    make.request_send(guide, [friend], not_before=now + timedelta(hours=12))

    assert contacts(friend[0], colleague, now=now + timedelta(hours=30))


def test_the_block_is_a_setting_and_can_be_off(settings, guide, colleague, friend):
    talk(friend[0], guide, hours_ago=3)

    settings.CONTACT_BLOCK_HOURS = 2
    assert contacts(friend[0], colleague) is None
    settings.CONTACT_BLOCK_HOURS = 0
    assert contacts(friend[0], colleague) is None
    settings.CONTACT_BLOCK_HOURS = 4
    assert contacts(friend[0], colleague)


def test_reading_many_is_one_query(guide, colleague, django_assert_num_queries):
    for count in (1, 6):
        friends = make.make_friends(guide, count)
        make.request_send(guide, friends)
        ids = [member.pk for member, _external in friends]

        with django_assert_num_queries(1):
            found = ledger.by_colleagues(member_ids=ids, guide_id=colleague.pk, now=clock.now())

        assert set(found) == set(ids)


# --- the policy asks it ------------------------------------------------------------


def check(member, guide, *, marketing=True):
    return policy.check_one(
        member_id=member.pk, guide_id=guide.pk, now=clock.now(), marketing=marketing
    )


def befriend(member, guide, simulator):
    external = f"wmSecond{member.pk}"
    members.start_follows(
        rows=[
            members.FollowRow(
                guide.corp_id, guide.pk, member.pk, external, clock.now() - timedelta(days=9)
            )
        ],
        now=clock.now(),
    )
    make.seed(simulator, guide, [external])
    return member, external


def test_marketing_waits_for_the_colleagues_day_service_does_not(
    guide, colleague, friend, simulator
):
    befriend(friend[0], colleague, simulator)
    talk(friend[0], guide)

    assert check(friend[0], colleague) == Refusal.COLLEAGUE
    assert check(friend[0], colleague, marketing=False) is None
    assert check(friend[0], guide) is None
    assert "24" in policy.sentence(Refusal.COLLEAGUE)


def test_an_earlier_reason_keeps_its_place(guide, colleague, friend):
    talk(friend[0], guide)

    assert check(friend[0], colleague) == Refusal.NOT_FRIEND


def test_at_the_last_look_the_later_of_two_sends_gives_way(guide, colleague, friend, simulator):
    second = befriend(friend[0], colleague, simulator)
    first = make.request_send(guide, [friend])
    later = make.request_send(colleague, [second])

    outreach.send_queued(now=clock.now())

    first.refresh_from_db()
    later.refresh_from_db()
    assert first.state == Dispatch.State.HANDED_OVER
    assert later.state == Dispatch.State.SUPPRESSED
    (refused,) = later.recipients.all()
    assert (refused.state, refused.refusal) == (Result.REFUSED, Refusal.COLLEAGUE)


def test_at_the_last_look_a_chat_opened_meanwhile_counts(guide, colleague, friend):
    dispatch = make.request_send(guide, [friend])
    talk(friend[0], colleague)

    outreach.send_queued(now=clock.now())

    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.SUPPRESSED
    assert dispatch.reason == policy.sentence(Refusal.COLLEAGUE)
