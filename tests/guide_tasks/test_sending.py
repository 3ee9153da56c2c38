import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import services
from apps.guide_tasks.errors import ContactRefused, IllegalMove, NothingToSend, NotOpenYet
from apps.guide_tasks.models import Grade, State, TaskTarget
from apps.members import services as members
from apps.members.models import Member
from apps.outreach.models import Dispatch, DispatchRecipient
from apps.outreach.scripts import UnknownVariable
from apps.outreach.services import AlreadySending
from tests.factories.facts import make_store
from tests.factories.outreach import make_asset
from tests.factories.tasks import (
    buy,
    guide_actor,
    hand_out,
    make_team,
    members_of,
    settle,
    tap,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def push(people, moment):
    return hand_out(people, moment, asset=make_asset())


def send(target, now, client_id="a", text=None):
    return services.send_to_target(
        target=target,
        text=text,
        actor=guide_actor(target.guide, now),
        now=now,
        client_id=client_id,
    )


def test_the_personal_text_speaks_to_the_customer(moment, push, people, store):
    Member.objects.filter(pk=people[0].pk).update(name="欧阳慧敏", gender="f")
    target = target_of(push, people[0])

    dispatch = send(target, moment)

    assert dispatch.text.startswith(f"欧阳女士，{store.name}到了新靴。")
    assert dispatch.marketing
    (receiver,) = dispatch.recipients.all()
    assert (receiver.member_id, receiver.source) == (people[0].pk, target.source)


def test_all_variables_are_filled_from_the_record(moment, people, store):
    Member.objects.filter(pk=people[0].pk).update(name="林晓雯", gender="f")
    buy(people[0], store, moment - timedelta(days=92))
    push = hand_out(
        people, moment, body="{姓名}|{称呼}|{上次购买}|{导购}|{门店}", generic_body="{门店}"
    )
    target = target_of(push, people[0])

    text = send(target, moment).text.splitlines()[0]

    assert text == f"林晓雯|林女士|跑鞋|{target.guide.name}|{store.name}"


def test_the_guides_own_words_replace_the_script(moment, target):
    assert send(target, moment, text="{称呼}，明天有空吗").text.startswith("林晓雯，明天有空吗")


def test_an_unknown_variable_in_the_guides_words_sends_nothing(moment, target):
    with pytest.raises(UnknownVariable):
        send(target, moment, text="{微信号}你好")

    assert not Dispatch.objects.exists()
    target.refresh_from_db()
    assert target.state == State.OPEN


def test_the_same_tap_twice_is_one_send(moment, target):
    first = send(target, moment, client_id="same")

    again = send(target, moment + timedelta(minutes=1), client_id="same")

    assert again.pk == first.pk
    assert DispatchRecipient.objects.count() == 1


def test_a_tap_asks_the_same_few_statements_for_one_and_for_many(moment, target):
    with CaptureQueriesContext(connection) as for_one:
        send(target, moment)
    counted = []
    for friends in (2, 5):
        team = members_of(make_team(moment, guides=1, friends=friends, store=make_store()))
        task = target_of(hand_out(team, moment), team[0]).task
        with CaptureQueriesContext(connection) as asked:
            sent = services.send_to_task(
                task=task, actor=guide_actor(task.guide, moment), now=moment, client_id="all"
            )
        assert sent.recipients.count() == friends
        counted.append(len(asked))

    assert len(for_one) <= 24
    assert counted[0] == counted[1] <= 24


def test_another_tap_while_one_is_under_way_is_refused(moment, target):
    send(target, moment)

    with pytest.raises(AlreadySending):
        send(target, moment, client_id="b")


def test_a_finished_target_is_not_sent_to_again(moment, target):
    settle(tap(target, moment), DispatchRecipient.State.DELIVERED, moment)

    with pytest.raises(IllegalMove):
        send(target, moment, client_id="b")


def test_stop_mark_and_withdrawn_consent_are_asked_again_at_the_tap(moment, push, people):
    targets = [target_of(push, person) for person in people]
    members.stop_contact(member_id=people[0].pk, source="t", now=moment, actor=SYSTEM)
    members.withdraw_consent(
        member_id=people[1].pk, purpose="wecom_marketing", channel="t", now=moment
    )

    for target, code in ((targets[0], "refused_stopped"), (targets[1], "refused_no_consent")):
        with pytest.raises(ContactRefused) as refusal:
            send(target, moment)
        assert refusal.value.code == code
        assert str(refusal.value)
        with pytest.raises(ContactRefused):
            services.note_chat_opened(
                target=target,
                actor=guide_actor(target.guide, moment),
                now=moment,
                client_id="c",
            )
    assert not Dispatch.objects.exists()


def test_outside_contact_hours_the_send_is_held(moment, target):
    night = moment.replace(hour=22, minute=30)

    dispatch = send(target, night)

    morning = (night + timedelta(days=1)).replace(hour=9, minute=0)
    assert (dispatch.state, dispatch.not_before) == (Dispatch.State.HELD, morning)


def test_planned_work_cannot_be_done_before_its_day(moment, target):
    TaskTarget.objects.filter(pk=target.pk).update(opens_at=moment + timedelta(days=1))

    with pytest.raises(NotOpenYet):
        send(target, moment)


def test_one_generic_text_goes_to_everybody_still_open(moment, push, people, store):
    first = target_of(push, people[0])
    services.excuse_target(
        target=first, reason="other", actor=guide_actor(first.guide, moment), now=moment
    )
    task = first.task
    actor = guide_actor(first.guide, moment)

    dispatch = services.send_to_task(task=task, actor=actor, now=moment, client_id="all")
    again = services.send_to_task(task=task, actor=actor, now=moment, client_id="all")

    assert again.pk == dispatch.pk
    assert dispatch.text.startswith(f"{store.name}到了新靴。")
    assert {row.member_id for row in dispatch.recipients.all()} == {p.pk for p in people[1:]}
    states = TaskTarget.objects.filter(push=push, state=State.TO_VERIFY)
    assert {row.contact_grade for row in states} == {Grade.INITIATED}
    with pytest.raises(NothingToSend):
        services.send_to_task(task=task, actor=actor, now=moment, client_id="more")


def test_who_may_not_be_written_to_is_left_out_of_the_generic_text(moment, push, people):
    members.stop_contact(member_id=people[0].pk, source="t", now=moment, actor=SYSTEM)
    task = target_of(push, people[0]).task

    dispatch = services.send_to_task(
        task=task, actor=guide_actor(task.guide, moment), now=moment, client_id="all"
    )

    assert {row.member_id for row in dispatch.recipients.all()} == {p.pk for p in people[1:]}
    assert target_of(push, people[0]).state == State.OPEN


def test_results_of_a_send_to_all_reach_each_target(moment, push, people):
    task = target_of(push, people[0]).task
    dispatch = services.send_to_task(
        task=task, actor=guide_actor(task.guide, moment), now=moment, client_id="all"
    )

    settle(dispatch, DispatchRecipient.State.DELIVERED, moment)

    assert set(TaskTarget.objects.filter(push=push).values_list("state", flat=True)) == {"done"}


# --- excused while a message is on its way -------------------------------------------------------


def excuse(target, moment, reason="just_talked"):
    services.excuse_target(
        target=target, reason=reason, actor=guide_actor(target.guide, moment), now=moment
    )


def test_excusing_calls_off_the_message_that_nobody_has_sent_yet(moment, target):
    dispatch = send(target, moment)

    excuse(target, moment)

    dispatch.refresh_from_db()
    assert dispatch.state == Dispatch.State.SUPPRESSED
    assert dispatch.recipients.get().state == DispatchRecipient.State.NOT_SENT


def test_excusing_one_of_many_leaves_the_text_to_the_others(moment, push, people):
    first = target_of(push, people[0])
    dispatch = services.send_to_task(
        task=first.task, actor=guide_actor(first.guide, moment), now=moment, client_id="all"
    )

    excuse(first, moment)

    dispatch.refresh_from_db()
    states = dict(dispatch.recipients.values_list("member_id", "state"))
    assert dispatch.state == Dispatch.State.PLANNED
    assert states == {
        people[0].pk: "not_sent",
        people[1].pk: "waiting",
        people[2].pk: "waiting",
    }


def test_excusing_stops_what_the_guide_has_not_confirmed(moment, target):
    dispatch = send(target, moment)
    Dispatch.objects.filter(pk=dispatch.pk).update(
        state="handed_over", msgid="m1", next_poll_at=moment + timedelta(minutes=5)
    )

    excuse(target, moment)

    dispatch.refresh_from_db()
    assert dispatch.expires_at == dispatch.next_poll_at == moment
    assert dispatch.recipients.get().state == DispatchRecipient.State.WAITING


def test_what_arrived_meanwhile_counts_when_the_excuse_is_taken_back(moment, target):
    dispatch = send(target, moment)
    Dispatch.objects.filter(pk=dispatch.pk).update(state="handed_over", msgid="m1")
    excuse(target, moment)
    settle(dispatch, DispatchRecipient.State.DELIVERED, moment)

    services.undo_excuse(target=target, actor=guide_actor(target.guide, moment), now=moment)

    target.refresh_from_db()
    assert target.state == State.DONE
    with pytest.raises(IllegalMove):
        send(target, moment, client_id="again")


def test_a_message_on_its_way_is_waited_for_when_the_excuse_is_taken_back(moment, target):
    dispatch = send(target, moment)
    Dispatch.objects.filter(pk=dispatch.pk).update(state="handed_over", msgid="m1")
    excuse(target, moment)

    services.undo_excuse(target=target, actor=guide_actor(target.guide, moment), now=moment)

    target.refresh_from_db()
    assert target.state == State.TO_VERIFY
    with pytest.raises(AlreadySending):
        send(target, moment, client_id="again")


def test_a_guides_own_word_completes_nothing_after_the_end(moment, people):
    push = hand_out(people, moment, required_grade=Grade.SELF_REPORTED)
    target = target_of(push, people[0])
    late = push.due_at + timedelta(days=4)
    services.expire_due(now=late)

    services.self_report(
        target=target, actor=guide_actor(target.guide, late), now=late, client_id="late"
    )

    target.refresh_from_db()
    assert target.state == State.EXPIRED


@pytest.mark.parametrize("say", [services.note_chat_opened, services.self_report])
def test_work_of_a_later_day_is_not_declared_today(moment, target, say):
    TaskTarget.objects.filter(pk=target.pk).update(opens_at=moment + timedelta(days=1))

    with pytest.raises(NotOpenYet):
        say(target=target, actor=guide_actor(target.guide, moment), now=moment, client_id="a")


@pytest.mark.django_db(transaction=True)
def test_the_same_tap_for_all_at_the_same_moment_is_one_send(moment):
    people = members_of(make_team(moment, guides=1, friends=3))
    task = target_of(hand_out(people, moment), people[0]).task
    actor, found = guide_actor(task.guide, moment), []
    start = threading.Barrier(3)

    def go():
        try:
            start.wait()
            found.append(
                services.send_to_task(task=task, actor=actor, now=moment, client_id="all").pk
            )
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go) for _one in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 3
    assert len(set(found)) == 1
