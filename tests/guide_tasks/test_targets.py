from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.guide_tasks import services
from apps.guide_tasks.errors import IllegalMove, NotYourTask, UnknownExcuse
from apps.guide_tasks.models import MOVES, ExcuseReason, State, TargetMove, TaskTarget
from apps.guide_tasks.services import targets
from apps.members.models import StopMark
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import make_guide
from tests.factories.tasks import guide_actor, hand_out, tap, target_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


def put(target, state, moment):
    """Place a target in a state as if it had come there."""
    reason = "other" if state == State.NOT_APPLICABLE else ""
    done = moment if state == State.DONE else None
    TaskTarget.objects.filter(pk=target.pk).update(state=state, excuse_reason=reason, done_at=done)


@pytest.mark.parametrize("before", list(MOVES))
@pytest.mark.parametrize("after", list(MOVES))
def test_only_the_written_moves_are_possible(target, moment, before, after):
    put(target, before, moment)
    excuse = "other" if after == State.NOT_APPLICABLE else ""

    def go():
        with transaction.atomic():
            targets.move(
                target=targets.lock(target.pk), to=after, at=moment, actor="test", excuse=excuse
            )

    if after in MOVES[before]:
        go()
    else:
        with pytest.raises(IllegalMove):
            go()

    target.refresh_from_db()
    assert target.state == (after if after in MOVES[before] else before)
    assert TargetMove.objects.filter(target=target).count() == (after in MOVES[before])


def test_a_set_moves_only_from_its_sources_and_writes_history(push, people, moment):
    put(target_of(push, people[0]), State.DONE, moment)
    which = TaskTarget.objects.filter(push=push)

    moved = targets.move_set(
        which=which, sources=[State.OPEN], to=State.EXPIRED, at=moment, actor="system"
    )

    assert len(moved) == 2
    assert TargetMove.objects.filter(to_state="expired").count() == 2
    with pytest.raises(IllegalMove):
        targets.move_set(
            which=which, sources=[State.DONE], to=State.OPEN, at=moment, actor="system"
        )
    with pytest.raises(IllegalMove):
        targets.move_set(
            which=which, sources=[State.OPEN], to=State.DONE, at=moment, actor="system"
        )


def test_the_database_refuses_what_no_service_would_write(target):
    for wrong in (
        {"state": "done", "done_at": None},
        {"state": "open", "excuse_reason": "other"},
        {"state": "not_applicable", "excuse_reason": ""},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            TaskTarget.objects.filter(pk=target.pk).update(**wrong)


@pytest.mark.parametrize("reason", targets.GUIDE_REASONS)
def test_the_guides_reason_takes_effect_at_once_and_once(target, moment, reason):
    actor = guide_actor(target.guide, moment)

    for _tap in range(2):
        services.excuse_target(target=target, reason=reason, actor=actor, now=moment)

    target.refresh_from_db()
    assert (target.state, target.excuse_reason) == (State.NOT_APPLICABLE, reason)
    assert target.excuse_sentence
    events = MemberEvent.objects.filter(member_id=target.member_id, kind=Kind.TASK_EXCUSED)
    assert events.count() == 1


@pytest.mark.parametrize("reason", ["", "bought_without_contact", "not_friend", "silly"])
def test_reasons_that_only_proof_gives_are_not_the_guides(target, moment, reason):
    with pytest.raises(UnknownExcuse):
        services.excuse_target(
            target=target, reason=reason, actor=guide_actor(target.guide, moment), now=moment
        )


def test_asking_to_stop_stops_every_open_task_of_the_member(push, people, moment, settings):
    settings.CONTACT_ONE_PLAN = False
    second = hand_out(people, moment)
    target = target_of(push, people[0])
    actor = guide_actor(target.guide, moment)

    services.excuse_target(target=target, reason="asked_to_stop", actor=actor, now=moment)

    assert StopMark.objects.current().filter(member=people[0]).exists()
    other = target_of(second, people[0])
    assert (other.state, other.excuse_reason) == (State.NOT_APPLICABLE, "asked_to_stop")
    assert target_of(second, people[1]).state == State.OPEN


def test_an_excuse_can_be_taken_back_with_its_stop_mark(target, moment):
    actor = guide_actor(target.guide, moment)
    services.excuse_target(target=target, reason="asked_to_stop", actor=actor, now=moment)

    services.undo_excuse(target=target, actor=actor, now=moment + timedelta(minutes=1))

    target.refresh_from_db()
    assert (target.state, target.excuse_reason) == (State.OPEN, "")
    assert not StopMark.objects.current().exists()


def test_an_excuse_that_proof_gave_cannot_be_taken_back(target, moment):
    targets.excuse_set(
        which=TaskTarget.objects.filter(pk=target.pk),
        reason=ExcuseReason.BOUGHT_WITHOUT_CONTACT,
        at=moment,
    )

    with pytest.raises(UnknownExcuse):
        services.undo_excuse(target=target, actor=guide_actor(target.guide, moment), now=moment)


def test_a_colleague_can_do_nothing_with_a_target(push, target, moment):
    actor = guide_actor(make_guide(), moment)
    own = {"target": target, "actor": actor, "now": moment}

    for call in (
        lambda: services.excuse_target(reason="other", **own),
        lambda: services.undo_excuse(**own),
        lambda: services.send_to_target(text=None, client_id="1", **own),
        lambda: services.note_chat_opened(client_id="1", **own),
        lambda: services.note_sidebar_sent(client_id="1", **own),
        lambda: services.self_report(client_id="1", **own),
        lambda: services.open_task(task=target.task, actor=actor, now=moment),
        lambda: services.send_to_task(task=target.task, actor=actor, now=moment, client_id="1"),
    ):
        with pytest.raises(NotYourTask):
            call()

    assert not TaskTarget.objects.visible_to(actor).exists()
    target.refresh_from_db()
    assert (target.state, target.contact_grade) == (State.OPEN, 0)


def test_what_passed_its_grace_expires_or_stays_undone(push, people, moment):
    tap(target_of(push, people[0]), moment)
    just_late, too_late = push.due_at + timedelta(days=1), push.due_at + timedelta(days=4)

    assert services.expire_due(now=just_late) == 0
    assert services.expire_due(now=too_late) == 3
    assert services.expire_due(now=too_late) == 0

    states = [target_of(push, person).state for person in people]
    assert states == [State.NOT_DONE, State.EXPIRED, State.EXPIRED]
    assert MemberEvent.objects.filter(kind=Kind.TASK_EXPIRED).count() == 3


def test_a_task_is_seen_once(target, moment):
    actor = guide_actor(target.guide, moment)

    services.open_task(task=target.task, actor=actor, now=moment)
    services.open_task(task=target.task, actor=actor, now=moment + timedelta(hours=1))

    target.task.refresh_from_db()
    assert target.task.seen_at == moment
