"""催办 and what comes after it: three a day, first on the list, then the manager."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM
from apps.accounts.models import AuditEntry
from apps.guide_tasks import selectors, services
from apps.guide_tasks.errors import ChasedEnough
from apps.guide_tasks.models import GuideTask, TaskTarget
from apps.guide_tasks.selectors import team_progress
from apps.outreach.models import Dispatch, GuideNotice, SendReminder
from apps.stores.models import Posting
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import hand_out, make_team, manager_actor, members_of, tap

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def manager(store, moment):
    guide = make_guide(None, corp=CORP)
    during = DateRange(moment.date() - timedelta(days=30), None)
    Posting.objects.create(guide=guide, store=store, role="store_manager", during=during)
    return guide


def run(moment, store, *, guides=2, friends=2, **fields):
    return hand_out(members_of(make_team(moment, guides=guides, friends=friends, store=store)),
                    moment, **fields)  # fmt: skip


def chase_cards():
    return GuideNotice.objects.filter(source__contains=":chase:")


def test_a_whole_push_is_chased_in_the_same_queries_for_any_number_of_guides(moment, store):
    asked = []
    for guides in (1, 6):
        push = run(moment, store, guides=guides)
        with CaptureQueriesContext(connection) as counted:
            assert services.chase(actor=SYSTEM, now=moment, push=push) == guides
        asked.append(len(counted))

    assert asked[0] == asked[1]
    assert chase_cards().filter(at_once=True).count() == chase_cards().count() == 7
    assert set(GuideTask.objects.values_list("chases", flat=True)) == {1}


def test_what_waits_for_a_confirmation_is_nudged_in_wecom_as_well(moment, store):
    push = run(moment, store, guides=2, friends=2)
    target = TaskTarget.objects.filter(push=push).first()
    dispatch = tap(target, moment)
    Dispatch.objects.filter(pk=dispatch.pk).update(state="handed_over", msgid="m1")

    services.chase(actor=SYSTEM, now=moment, push=push)

    reminder = SendReminder.objects.get()
    assert (reminder.send_id, reminder.state) == (dispatch.pk, "queued")


def test_a_nudge_of_the_night_waits_for_the_hours_of_the_push(moment, store):
    push = run(moment, store, guides=1, friends=1)
    dispatch = tap(TaskTarget.objects.get(push=push), moment)
    Dispatch.objects.filter(pk=dispatch.pk).update(state="handed_over", msgid="m1")
    midnight = moment.replace(hour=23, minute=40)

    services.chase(actor=SYSTEM, now=midnight, push=push)

    morning = moment.replace(hour=7) + timedelta(days=1)
    assert SendReminder.objects.get().not_before == morning
    assert chase_cards().get().not_before == morning


def test_each_tasks_chase_of_the_day_is_an_occasion_of_its_own(moment, store):
    push = run(moment, store, guides=2, friends=1)
    first, second = TaskTarget.objects.filter(push=push).order_by("pk")
    for number, target in enumerate((first, second)):
        sent = tap(target, moment)
        Dispatch.objects.filter(pk=sent.pk).update(state="handed_over", msgid=f"m{number}")

    services.chase(actor=SYSTEM, now=moment, task_ids=[first.task_id])
    services.chase(actor=SYSTEM, now=moment, push=push)
    services.chase(actor=SYSTEM, now=moment, task_ids=[second.task_id])

    of_second = SendReminder.objects.filter(send__recipients__source=f"task_target:{second.pk}")
    assert of_second.count() == 2


def test_a_fourth_time_on_one_day_is_refused_and_tomorrow_is_free_again(moment, store):
    push = run(moment, store)
    for minutes in (0, 1, 2):
        services.chase(actor=SYSTEM, now=moment + timedelta(minutes=minutes), push=push)

    with pytest.raises(ChasedEnough):
        services.chase(actor=SYSTEM, now=moment + timedelta(minutes=3), push=push)

    assert chase_cards().count() == 6
    assert services.chase(actor=SYSTEM, now=moment + timedelta(days=1), push=push) == 2
    assert set(GuideTask.objects.values_list("chases", flat=True)) == {1}


def test_who_was_chased_enough_is_left_alone_and_the_others_are_chased(moment, store):
    push = run(moment, store)
    first, second = GuideTask.objects.filter(push=push).order_by("pk")
    for _time in range(3):
        services.chase(actor=SYSTEM, now=moment, task_ids=[first.pk])

    assert services.chase(actor=SYSTEM, now=moment, push=push) == 1

    second.refresh_from_db()
    assert (second.chases, second.chased_at) == (1, moment)
    assert AuditEntry.objects.filter(action="task.chased").count() == 4


def test_what_is_finished_is_not_chased(moment, store):
    push = run(moment, store)
    TaskTarget.objects.filter(push=push).update(state="done", done_at=moment)

    assert services.chase(actor=SYSTEM, now=moment, push=push) == 0
    assert not chase_cards().exists()


def test_a_manager_chases_only_the_own_store(moment, store, manager):
    mine, theirs = run(moment, store), run(moment, make_store())
    actor = manager_actor(manager, store, moment)

    assert services.chase(actor=actor, now=moment, push=mine) == 2
    assert services.chase(actor=actor, now=moment, push=theirs) == 0


def test_the_card_names_the_task_and_counts_but_no_customer(moment, store):
    push = run(moment, store, guides=1, friends=3)
    services.chase(actor=SYSTEM, now=moment, push=push)

    card = chase_cards().get()
    assert push.title in card.title
    assert "3" in card.body
    assert "林晓雯" not in card.title + card.body


def test_what_was_chased_stands_first_on_the_list(moment, store):
    ((guide, people),) = make_team(moment, guides=1, friends=4, store=store)
    hand_out(people[:2], moment, title="first")
    later = hand_out(people[2:], moment, title="second")
    TaskTarget.objects.exclude(push=later).update(value_fen=999_900)

    services.chase(actor=SYSTEM, now=moment, push=later)

    cards = selectors.today(guide_id=guide.pk, now=moment).cards
    assert [card.push_title for card in cards] == ["second", "second", "first", "first"]
    assert [card.is_chased for card in cards] == [True, True, False, False]


# --- overdue all the same ------------------------------------------------------------------------


def test_the_manager_gets_one_card_for_what_stays_overdue(moment, store, manager, settings):
    settings.ESCALATE_AFTER_HOURS = 24
    push = run(moment, store, guides=3)
    late = push.due_at + timedelta(hours=25)

    assert services.escalate_overdue(now=push.due_at + timedelta(hours=23)) == 0
    assert services.escalate_overdue(now=late) == 3
    assert services.escalate_overdue(now=late + timedelta(hours=1)) == 0

    (card,) = GuideNotice.objects.filter(guide=manager)
    assert card.path == f"/g/team/?push={push.pk}"
    assert push.title in card.title
    assert "3" in card.body
    assert "6" in card.body
    assert "林晓雯" not in card.title + card.body


def test_only_what_is_open_is_escalated(moment, store, manager):
    push = run(moment, store)
    TaskTarget.objects.filter(push=push).update(state="done", done_at=moment)

    assert services.escalate_overdue(now=push.due_at + timedelta(days=2)) == 0
    assert not GuideNotice.objects.filter(guide=manager).exists()


def test_a_due_time_moved_later_begins_anew(moment, store, manager):
    push = run(moment, store, guides=1)
    services.escalate_overdue(now=push.due_at + timedelta(hours=25))
    moved = push.due_at + timedelta(days=3)
    GuideTask.objects.update(due_at=moved)
    TaskTarget.objects.update(due_at=moved)

    assert services.escalate_overdue(now=moved + timedelta(hours=25)) == 1
    assert GuideNotice.objects.filter(guide=manager).count() == 2


def test_the_team_page_shows_it_first_and_only_while_it_is_overdue(moment, store, manager):
    push = run(moment, store)
    actor, late = manager_actor(manager, store, moment), push.due_at + timedelta(hours=25)
    first, second = GuideTask.objects.filter(push=push).order_by("pk")
    TaskTarget.objects.filter(task=second).update(state="done", done_at=moment)
    services.escalate_overdue(now=late)

    rows = team_progress(actor=actor, now=late, push_id=push.pk).guides
    assert [(row.guide_id, row.is_escalated) for row in rows] == [
        (first.guide_id, True),
        (second.guide_id, False),
    ]

    TaskTarget.objects.filter(task=first).update(due_at=late + timedelta(days=1))
    rows = team_progress(actor=actor, now=late, push_id=push.pk).guides
    assert not any(row.is_escalated for row in rows)
