import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import selectors, services
from apps.guide_tasks.errors import UnproofedGrade
from apps.guide_tasks.models import Evidence, Grade, State, TargetMove, TaskTarget
from apps.guide_tasks.services.evidence import record_contacts
from apps.members.models import FollowRelation, Interaction
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.outreach.models import Dispatch, DispatchRecipient, LinkClick, TrackedLink
from apps.outreach.services import record_click
from apps.tagging.models import MemberTags, Tag, TagGroup
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import make_product, make_store
from tests.factories.tasks import (
    buy,
    deliver,
    guide_actor,
    hand_out,
    make_team,
    members_of,
    settle,
    tap,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]

RESULT = DispatchRecipient.State


def kinds_of(member):
    return list(
        MemberEvent.objects.filter(member_id=member.pk)
        .exclude(kind__in=[Kind.MEMBER_CREATED, Kind.FRIEND_ADDED, Kind.CONSENT_GIVEN])
        .exclude(kind__in=[Kind.SERVING_CHANGED, Kind.ORDER_PLACED, Kind.ORDER_RETURNED])
        .order_by("occurred_at", "id")
        .values_list("kind", flat=True)
    )


def test_wecoms_delivered_completes_the_target_and_the_record_grows(moment, people):
    group = TagGroup.objects.create(name="活动")
    tag = Tag.objects.create(group=group, name="秋冬已触达")
    push = hand_out(people, moment, result_tags=[tag])

    target = deliver(target_of(push, people[0]), moment)

    assert (target.state, target.contact_grade) == (State.DONE, Grade.DELIVERED)
    assert target.done_at == moment
    assert MemberTags.objects.get(member_id=people[0].pk).tags == [tag.pk]
    assert {Kind.TASK_ISSUED, Kind.CONTACT_GRADED, Kind.TASK_DONE, Kind.TAGGED} <= set(
        kinds_of(people[0])
    )
    assert Interaction.objects.filter(member=people[0], kind="message").count() == 1
    moves = TargetMove.objects.filter(target=target).order_by("pk")
    assert [(move.from_state, move.to_state) for move in moves] == [
        ("open", "to_verify"),
        ("to_verify", "done"),
    ]


def test_a_proof_takes_one_step_and_tells_it_in_its_order(moment, target, people):
    given = {"target_id": target.pk, "grade": Grade.DELIVERED, "occurred_at": moment}
    with CaptureQueriesContext(connection) as asked:
        after = services.record_contact(source="dispatch_recipient:1", **given)

    # one statement for step, story and the member's record, and the month's partition once
    assert len([row for row in asked if "SAVEPOINT" not in row["sql"]]) <= 2
    target.refresh_from_db()
    assert (after.state, after.done_at, after.started_at) == (State.DONE, moment, moment)
    assert TaskTarget.objects.filter(pk=target.pk).values().get() == {
        name: getattr(after, name) for name in TaskTarget.objects.values().first()
    }
    assert kinds_of(people[0])[-2:] == [Kind.CONTACT_GRADED, Kind.TASK_DONE]


def test_one_proof_for_many_targets_is_one_statement(moment, push, people):
    given = {"grade": Grade.INITIATED, "source": "dispatch:1", "occurred_at": moment}
    ids = [target_of(push, person).pk for person in people]
    record_contacts(target_ids=ids[:1], **given)

    with CaptureQueriesContext(connection) as asked:
        stepped = record_contacts(target_ids=ids, **given)

    assert len([row for row in asked if "SAVEPOINT" not in row["sql"]]) <= 2
    assert sorted(target.pk for target in stepped) == sorted(ids[1:])
    assert [kinds_of(person).count(Kind.CONTACT_GRADED) for person in people] == [1, 1, 1]
    # nothing has reached TA yet, so the member's record says nothing
    assert not Interaction.objects.exists()


def test_a_second_proof_of_another_source_is_kept_and_moves_nothing(moment, target):
    given = {"target_id": target.pk, "grade": Grade.INITIATED}
    services.record_contact(source="chat:1", occurred_at=moment, **given)
    before = TaskTarget.objects.filter(pk=target.pk).values().get()

    later = moment + timedelta(hours=1)
    services.record_contact(source="chat:2", occurred_at=later, **given)

    assert TaskTarget.objects.filter(pk=target.pk).values().get() == before
    assert Evidence.objects.filter(target=target).count() == 2
    assert [move.to_state for move in TargetMove.objects.filter(target=target)] == ["in_progress"]


def test_a_second_result_adds_no_event(moment, target, people):
    deliver(target, moment)
    before = kinds_of(people[0])

    for recipient in DispatchRecipient.objects.all():
        services.apply_result(recipient=recipient)

    assert kinds_of(people[0]) == before


def test_grades_only_rise(moment, target):
    deliver(target, moment)

    services.note_chat_opened(
        target=target, actor=guide_actor(target.guide, moment), now=moment, client_id="a"
    )

    target.refresh_from_db()
    assert target.contact_grade == Grade.DELIVERED
    assert target.state == State.DONE
    assert Evidence.objects.filter(target=target, grade=Grade.INITIATED).count() == 2


@pytest.mark.parametrize("source", ["chat:1", "self_report:2", "sidebar:3", "dispatch:4", ""])
def test_nobody_but_wecom_and_the_customer_proves_delivery(target, moment, source):
    with pytest.raises(UnproofedGrade):
        services.record_contact(
            target_id=target.pk, grade=Grade.DELIVERED, source=source, occurred_at=moment
        )

    target.refresh_from_db()
    assert target.contact_grade == Grade.NONE


def test_what_guides_can_call_never_reaches_delivered(moment, target):
    actor = guide_actor(target.guide, moment)
    taps = {"target": target, "actor": actor, "now": moment}

    services.self_report(client_id="1", **taps)
    services.note_chat_opened(client_id="1", **taps)
    services.note_sidebar_sent(client_id="1", **taps)
    services.send_to_target(text=None, client_id="1", **taps)

    target.refresh_from_db()
    assert target.contact_grade == Grade.INITIATED
    assert target.state == State.TO_VERIFY


def test_a_push_that_accepts_an_opened_chat_completes_by_it(moment, people):
    push = hand_out(people, moment, required_grade=Grade.INITIATED)
    target = target_of(push, people[0])
    actor = guide_actor(target.guide, moment)

    services.note_chat_opened(target=target, actor=actor, now=moment, client_id="1")

    target.refresh_from_db()
    assert target.state == State.DONE
    assert target.contact_grade == Grade.INITIATED


def test_a_tap_alone_completes_no_push_that_accepts_initiated(moment, people):
    push = hand_out(people, moment, required_grade=Grade.INITIATED)
    target = target_of(push, people[0])

    tap(target, moment)

    target.refresh_from_db()
    assert (target.state, target.contact_grade) == (State.TO_VERIFY, Grade.NONE)


def test_a_customer_who_ended_the_friendship_excuses_the_guide(moment, target):
    FollowRelation.objects.filter(member=target.member).update(until=moment, ended_by="customer")
    FollowRelation.objects.filter(member=target.member).update(until=None, ended_by="")
    dispatch = tap(target, moment)
    FollowRelation.objects.filter(member=target.member).update(until=moment, ended_by="customer")

    settle(dispatch, RESULT.NOT_FRIEND, moment)

    target.refresh_from_db()
    assert (target.state, target.excuse_reason) == (State.NOT_APPLICABLE, "not_friend")
    assert target.excuse_sentence


def test_a_friend_whom_the_guide_deleted_does_not_excuse(moment, target):
    dispatch = tap(target, moment)
    FollowRelation.objects.filter(member=target.member).update(until=moment, ended_by="guide")

    settle(dispatch, RESULT.NOT_FRIEND, moment)

    target.refresh_from_db()
    assert target.state == State.IN_PROGRESS


def test_the_monthly_limit_excuses(moment, target):
    settle(tap(target, moment), RESULT.OVER_LIMIT, moment)

    target.refresh_from_db()
    assert target.excuse_reason == "over_limit"


@pytest.mark.parametrize("state", [RESULT.REFUSED, RESULT.NOT_SENT])
def test_a_send_that_came_to_nothing_goes_back_to_the_guide(moment, target, state):
    first = tap(target, moment)
    settle(first, state, moment)
    target.refresh_from_db()
    assert target.state == State.IN_PROGRESS

    tap(target, moment + timedelta(minutes=5))
    for recipient in first.recipients.all():
        services.apply_result(recipient=recipient)

    target.refresh_from_db()
    assert target.state == State.TO_VERIFY


def test_an_identified_click_on_the_own_link_proves_delivery_and_engagement(moment, target):
    dispatch = tap(target, moment)
    link = TrackedLink.objects.get(dispatch=dispatch)
    record_click(code=link.code, external_userid=target.external_userid, now=moment)

    assert services.take_clicks(now=moment) == 1
    assert services.take_clicks(now=moment) == 0

    target.refresh_from_db()
    assert (target.contact_grade, target.state) == (Grade.DELIVERED, State.DONE)
    assert target.engaged_at == moment
    assert Kind.ENGAGED in kinds_of(target.member)


def test_a_click_of_somebody_else_proves_nothing(moment, target):
    dispatch = tap(target, moment)
    link = TrackedLink.objects.get(dispatch=dispatch)
    record_click(code=link.code, external_userid="wmSomebodyElse", now=moment)
    record_click(code=link.code, external_userid=None, now=moment)

    assert services.take_clicks(now=moment) == 0
    assert LinkClick.objects.count() == 2
    target.refresh_from_db()
    assert target.contact_grade == Grade.INITIATED


def test_bought_after_delivery_is_a_purchase_and_stays_done(moment, target, store):
    deliver(target, moment)

    order = buy(target.member, store, moment + timedelta(days=1))
    assert services.record_purchases(order_ids=[order], now=moment) == 1
    assert services.record_purchases(order_ids=[order], now=moment) == 0

    target.refresh_from_db()
    assert target.state == State.DONE
    assert target.purchased_at == moment + timedelta(days=1)
    assert kinds_of(target.member).count(Kind.PURCHASED) == 1


def test_bought_before_anybody_wrote_is_not_applicable(moment, target, store):
    order = buy(target.member, store, moment + timedelta(hours=3))

    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=4))

    target.refresh_from_db()
    assert (target.state, target.excuse_reason) == (
        State.NOT_APPLICABLE,
        "bought_without_contact",
    )
    assert target.purchased_at == moment + timedelta(hours=3)


def test_a_send_under_way_is_contact_enough(moment, target, store):
    tap(target, moment)

    order = buy(target.member, store, moment + timedelta(hours=3))
    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=4))

    target.refresh_from_db()
    assert target.state == State.TO_VERIFY
    assert target.purchased_at is not None


@pytest.mark.parametrize("offset", [timedelta(minutes=-1), timedelta(days=7)])
def test_an_order_outside_the_window_does_not_count(moment, target, store, offset):
    order = buy(target.member, store, moment + offset)

    assert services.record_purchases(order_ids=[order], now=moment + timedelta(days=8)) == 0

    target.refresh_from_db()
    assert target.purchased_at is None
    assert target.state == State.OPEN


def test_a_return_takes_the_purchase_back(moment, target, store):
    deliver(target, moment)
    later = moment + timedelta(hours=3)
    order = buy(target.member, store, later, number="A1")
    services.record_purchases(order_ids=[order], now=later)

    back = buy(target.member, store, later + timedelta(days=1), original="A1", number="R1")
    services.record_purchases(order_ids=[back], now=later + timedelta(days=1))

    target.refresh_from_db()
    assert target.purchased_at is None


def test_a_control_member_who_buys_changes_no_row_of_the_tasks(moment, store):
    people = members_of(make_team(moment, guides=1, friends=20, store=store))
    push = hand_out(people, moment, control_share_bp=5000)
    control = list(selectors.control_members(push))
    before = list(TaskTarget.objects.order_by("pk").values())
    buyer = next(person for person in people if person.pk == control[0])

    order = buy(buyer, store, moment + timedelta(hours=1))
    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=1))

    assert list(TaskTarget.objects.order_by("pk").values()) == before


def correct(number, member, store, at, *, fen=50_000, **fields):
    """The till sends an order again with other content."""
    row = OrderRow(
        source="pos",
        external_no=number,
        store_code=store.code,
        paid_at=at,
        net_fen=fen,
        lines=[LineRow(1, make_product().sku, Decimal(1), fen)],
        member_id=member.pk,
        **fields,
    )
    (result,) = ingest_orders(rows=[row], now=at, actor=SYSTEM)
    assert result.status == "updated"
    services.record_purchases(order_ids=[result.order_id], now=at)


def test_an_order_corrected_to_another_buyer_moves_the_purchase(moment, push, people, store):
    for person in people[:2]:
        deliver(target_of(push, person), moment)
    at = moment + timedelta(hours=1)
    order = buy(people[0], store, at, number="C1")
    services.record_purchases(order_ids=[order], now=at)

    correct("C1", people[1], store, at)

    assert target_of(push, people[0]).purchased_at is None
    assert target_of(push, people[1]).purchased_at == at


@pytest.mark.parametrize("fields", [{"is_staff": True}, {"days": 30}])
def test_an_order_corrected_out_of_what_counts_is_no_purchase(
    moment, push, people, store, target, fields
):
    deliver(target, moment)
    at = moment + timedelta(hours=1)
    order = buy(people[0], store, at, number="C2")
    services.record_purchases(order_ids=[order], now=at)
    rest = dict(fields)
    paid_at = at - timedelta(days=rest.pop("days", 0))

    correct("C2", people[0], store, paid_at, **rest)

    target.refresh_from_db()
    assert target.purchased_at is None


def test_an_excused_target_keeps_the_proof_and_stays_excused(moment, target):
    dispatch = tap(target, moment)
    Dispatch.objects.filter(pk=dispatch.pk).update(state="handed_over", msgid="m1")
    services.excuse_target(
        target=target, reason="just_talked", actor=guide_actor(target.guide, moment), now=moment
    )

    settle(dispatch, RESULT.DELIVERED, moment)

    target.refresh_from_db()
    assert target.state == State.NOT_APPLICABLE
    assert target.contact_grade == Grade.DELIVERED


def test_late_proof_still_completes_what_had_expired(moment, push, target):
    dispatch = tap(target, moment)
    late = push.due_at + timedelta(days=4)
    assert services.expire_due(now=late) == 3
    target.refresh_from_db()
    assert target.state == State.NOT_DONE

    settle(dispatch, RESULT.DELIVERED, late)

    target.refresh_from_db()
    assert target.state == State.DONE


def test_purchases_of_many_orders_cost_the_same_queries(
    moment, push, people, store, django_assert_max_num_queries
):
    one = [buy(people[0], store, moment + timedelta(hours=1))]
    many = [buy(person, store, moment + timedelta(hours=2)) for person in people * 5]

    for ids in (one, many):
        with django_assert_max_num_queries(21):
            services.record_purchases(order_ids=ids, now=moment + timedelta(hours=3))


def together(*calls):
    errors = []

    def run(call):
        try:
            call()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.django_db(transaction=True)
def test_orders_at_once_on_one_target_keep_every_proof_and_one_excuse(moment):
    store = make_store()
    people = members_of(make_team(moment, guides=1, friends=1, store=store))
    push = hand_out(people, moment)
    orders = [buy(people[0], store, moment + timedelta(hours=hour)) for hour in (6, 5, 4, 3, 2, 1)]
    later = moment + timedelta(hours=7)

    errors = together(
        *[
            lambda order=order: services.record_purchases(order_ids=[order], now=later)
            for order in orders
        ]
    )

    assert errors == []
    target = target_of(push, people[0])
    assert Evidence.objects.filter(target=target, outcome="purchased").count() == 6
    assert target.purchased_at == moment + timedelta(hours=1)
    assert TargetMove.objects.filter(target=target).count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_result_twice_at_once_completes_once(moment):
    people = members_of(make_team(moment, guides=1, friends=1))
    push = hand_out(people, moment)
    dispatch = tap(target_of(push, people[0]), moment)
    DispatchRecipient.objects.update(state=RESULT.DELIVERED, result_at=moment)
    recipient = dispatch.recipients.get()

    errors = together(*[lambda: services.apply_result(recipient=recipient)] * 4)

    assert errors == []
    assert kinds_of(people[0]).count(Kind.TASK_DONE) == 1
    assert kinds_of(people[0]).count(Kind.CONTACT_GRADED) == 2


@pytest.mark.django_db(transaction=True)
def test_two_taps_at_once_make_one_send(moment):
    people = members_of(make_team(moment, guides=1, friends=1))
    push = hand_out(people, moment)
    target = target_of(push, people[0])

    errors = together(*[lambda: tap(target, moment)] * 3)

    assert len(errors) == 2
    assert {error.code for error in errors} == {"already_sending"}
    assert DispatchRecipient.objects.count() == 1


def test_grades_reach_the_story_with_ids_only(moment, target):
    deliver(target, moment)

    for event in MemberEvent.objects.filter(source=target.source):
        assert set(event.payload) <= {"push_id", "guide_id", "grade", "reason"}
        assert all(isinstance(value, int | str) for value in event.payload.values())
    assert SYSTEM.label == "system"
