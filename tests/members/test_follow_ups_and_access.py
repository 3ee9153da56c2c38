"""Follow-up dates, visits with a reason, looks that somebody grants, and look-ups with a limit."""

import uuid
from datetime import timedelta

import pytest

from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.models import AuditEntry
from apps.core import clock
from apps.members import services
from apps.members.models import AccessRequest, FollowUp, Interaction, LookUp, LookUpAlert, Member
from apps.timeline.models import MemberEvent
from tests.factories.facts import make_guide, make_member, make_store

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def guide_actor(guide, **more):
    return Actor(role="guide", guide_id=guide.pk, **more)


def manager_actor(guide, store):
    return Actor(
        role="store_manager",
        guide_id=guide.pk,
        store_ids=frozenset({store.pk}),
        capabilities=frozenset({Capability.MANAGE_TEAM}),
    )


def remind(member, guide, now, *, days=1, client_id=None):
    return services.set_follow_up(
        member_id=member.pk,
        guide_id=guide.pk,
        due_on=clock.business_day(now) + days * DAY,
        client_id=client_id or uuid.uuid4(),
        now=now,
    )


def ask(member, guide, store, now, *, reason="in_shop", client_id=None):
    return services.request_access(
        member_id=member.pk,
        guide_id=guide.pk,
        store_id=store.pk,
        reason=reason,
        client_id=client_id or uuid.uuid4(),
        actor=guide_actor(guide),
        now=now,
    )


# --- follow-up dates -----------------------------------------------------------------------------


def test_one_date_stands_and_a_new_one_replaces_it(fixed_clock):
    member, guide = make_member(), make_guide()

    first = remind(member, guide, fixed_clock)
    second = remind(member, guide, fixed_clock, days=3)

    assert list(FollowUp.objects.standing()) == [second]
    first.refresh_from_db()
    assert first.closed == "replaced"


def test_the_same_client_id_is_the_same_date_also_after_it_was_replaced(fixed_clock):
    member, guide, client_id = make_member(), make_guide(), uuid.uuid4()
    first = remind(member, guide, fixed_clock, client_id=client_id)
    second = remind(member, guide, fixed_clock, days=3)

    again = remind(member, guide, fixed_clock, client_id=client_id)

    assert again.pk == first.pk
    assert list(FollowUp.objects.standing()) == [second]


def test_a_date_far_away_or_long_past_is_refused(fixed_clock):
    member, guide = make_member(), make_guide()

    for days in (-8, 400):
        with pytest.raises(services.FollowUpDayImpossible):
            remind(member, guide, fixed_clock, days=days)


def test_a_contact_on_the_day_closes_the_date_and_a_note_does_not(fixed_clock):
    member, guide = make_member(), make_guide()
    remind(member, guide, fixed_clock, days=0)
    fields = {"member_id": member.pk, "guide_id": guide.pk, "occurred_at": fixed_clock}

    services.record_interaction(kind=Interaction.Kind.NOTE, source="a", **fields)
    assert FollowUp.objects.standing().exists()

    services.record_interaction(kind=Interaction.Kind.MESSAGE, source="b", **fields)
    assert FollowUp.objects.get().closed == "contacted"


def test_a_contact_before_the_day_leaves_the_date(fixed_clock):
    member, guide = make_member(), make_guide()
    remind(member, guide, fixed_clock, days=3)

    services.record_interaction(
        member_id=member.pk, guide_id=guide.pk, kind=Interaction.Kind.MESSAGE,
        occurred_at=fixed_clock, source="x",
    )  # fmt: skip

    assert FollowUp.objects.standing().exists()


# --- visits --------------------------------------------------------------------------------------


def visit(member, guide, now, client_id, **more):
    return services.note_visit(
        member_id=member.pk, guide_id=guide.pk, client_id=client_id, now=now,
        actor=guide_actor(guide), **more,
    )  # fmt: skip


def test_a_visit_is_noted_once_and_stands_in_the_story(fixed_clock):
    member, guide, client_id = make_member(), make_guide(), uuid.uuid4()

    one, two = (visit(member, guide, fixed_clock, client_id) for _time in range(2))

    assert one.pk == two.pk
    assert MemberEvent.objects.filter(member_id=member.pk, kind="visit.noted").count() == 1


def test_the_reason_of_a_visit_is_one_tap_and_a_second_tap_corrects_it(fixed_clock):
    member, guide = make_member(), make_guide()
    noted = visit(member, guide, fixed_clock, uuid.uuid4())
    for reason in ("price", "no_size"):
        services.give_visit_reason(visit_id=noted.pk, guide_id=guide.pk, reason=reason)

    assert Interaction.objects.get(pk=noted.pk).reason == "no_size"
    with pytest.raises(services.UnknownVisitReason):
        services.give_visit_reason(visit_id=noted.pk, guide_id=guide.pk, reason="weather")
    with pytest.raises(services.VisitNotYours):
        services.give_visit_reason(visit_id=noted.pk, guide_id=make_guide().pk, reason="price")


# --- 申请查看 ------------------------------------------------------------------------------------


def test_a_granted_look_opens_the_card_for_hours_and_makes_nobody_a_customer(fixed_clock):
    store, member = make_store(), make_member()
    guide, manager = make_guide(store), make_guide(store)
    asked = ask(member, guide, store, fixed_clock)
    assert not Member.objects.visible_to(guide_actor(guide)).exists()

    services.decide_access(
        request_id=asked.pk, grant=True, actor=manager_actor(manager, store), now=fixed_clock
    )

    assert list(Member.objects.visible_to(guide_actor(guide))) == [member]
    assert not Member.objects.served_by(guide_actor(guide)).exists()
    assert not Member.objects.visible_to(guide_actor(manager)).exists()
    with clock.at(fixed_clock + timedelta(hours=25)):
        assert not Member.objects.visible_to(guide_actor(guide)).exists()


def test_asking_twice_is_asking_once_and_everything_is_on_the_record(fixed_clock):
    store, member = make_store(), make_member()
    guide, manager = make_guide(store), make_guide(store)

    first, second = (ask(member, guide, store, fixed_clock) for _time in range(2))
    decided = [
        services.decide_access(
            request_id=first.pk, grant=grant, actor=manager_actor(manager, store), now=fixed_clock
        )[1]
        for grant in (False, True)
    ]

    assert first.pk == second.pk
    assert decided == [True, False]
    assert AccessRequest.objects.get().state == "refused"
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["member.access_asked", "member.access_refused"]


def test_nobody_decides_about_their_own_request_or_about_another_stores(fixed_clock):
    store, member = make_store(), make_member()
    manager, stranger = make_guide(store), make_guide()
    asked = ask(member, manager, store, fixed_clock)

    with pytest.raises(services.NotYoursToDecide):
        services.decide_access(
            request_id=asked.pk, grant=True, actor=manager_actor(manager, store), now=fixed_clock
        )
    with pytest.raises(AccessRequest.DoesNotExist):
        services.decide_access(
            request_id=asked.pk,
            grant=True,
            actor=manager_actor(stranger, make_store()),
            now=fixed_clock,
        )


def test_a_reason_that_is_none_and_a_customer_of_ones_own_are_refused(fixed_clock):
    store, member = make_store(), make_member()
    guide = make_guide(store)
    with pytest.raises(services.UnknownAccessReason):
        ask(member, guide, store, fixed_clock, reason="curious")

    services.start_follow(
        corp_id="wwtest", guide_id=guide.pk, member_id=member.pk, external_userid="wm1",
        since=fixed_clock,
    )  # fmt: skip

    with pytest.raises(services.AccessNotNeeded):
        ask(member, guide, store, fixed_clock)


# --- look-ups ------------------------------------------------------------------------------------


def test_look_ups_end_at_the_limit_and_head_office_is_told_once(fixed_clock, settings):
    settings.LOOKUPS_AN_HOUR = 2
    guide = make_guide()
    actor = guide_actor(guide)
    for _time in range(2):
        services.begin_look_up(kind=LookUp.Kind.PHONE, actor=actor, now=fixed_clock)

    for _time in range(2):
        with pytest.raises(services.TooManyLookUps):
            services.begin_look_up(kind=LookUp.Kind.PHONE, actor=actor, now=fixed_clock)

    assert LookUp.objects.count() == 2
    alert = LookUpAlert.objects.get()
    assert (alert.guide_id, alert.settled_at) == (guide.pk, None)
    assert AuditEntry.objects.filter(action="member.lookup_limit").count() == 1
    later = fixed_clock + timedelta(hours=2)
    assert services.begin_look_up(kind=LookUp.Kind.PHONE, actor=actor, now=later)
    hq = Actor(user_id=1, sees_all=True)
    with pytest.raises(services.AboutYourself):
        services.settle_alert(alert_id=alert.pk, actor=actor, now=later)
    assert services.settle_alert(alert_id=alert.pk, actor=hq, now=later) is True
    assert services.settle_alert(alert_id=alert.pk, actor=hq, now=later) is False


def test_who_used_up_the_day_is_not_sent_away_for_an_hour(fixed_clock, settings):
    settings.LOOKUPS_AN_HOUR = settings.LOOKUPS_A_DAY = 2
    actor = guide_actor(make_guide())
    for _time in range(2):
        services.begin_look_up(kind=LookUp.Kind.PHONE, actor=actor, now=fixed_clock)

    with pytest.raises(services.NoMoreToday, match="明天再查"):
        services.begin_look_up(kind=LookUp.Kind.PHONE, actor=actor, now=fixed_clock)
    settings.LOOKUPS_A_DAY = 3
    with pytest.raises(services.TooManyLookUps, match="一小时后再试"):
        services.begin_look_up(kind=LookUp.Kind.PHONE, actor=actor, now=fixed_clock)
