from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import selectors, services
from apps.guide_tasks.errors import ChasedEnough
from apps.guide_tasks.models import GuideTask, TaskTarget
from apps.guide_tasks.services import recalling
from apps.members.models import Member
from apps.outreach.models import GuideNotice
from tests.factories.facts import make_store
from tests.factories.tasks import (
    buy,
    deliver,
    guide_actor,
    hand_out,
    make_team,
    manager_actor,
    members_of,
    tap,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def team(moment, store):
    return make_team(moment, guides=2, friends=4, store=store)


@pytest.fixture
def push(moment, team):
    return hand_out(members_of(team), moment)


def test_the_finish_line_counts_done_waiting_and_open_without_the_excused(moment, push, team):
    guide, people = team[0]
    actor = guide_actor(guide, moment)
    deliver(target_of(push, people[0]), moment)
    tap(target_of(push, people[1]), moment)
    services.excuse_target(
        target=target_of(push, people[2]), reason="other", actor=actor, now=moment
    )

    today = selectors.today(guide_id=guide.pk, now=moment)

    assert (today.done, today.waiting_count, today.to_contact, today.total) == (1, 1, 1, 3)
    assert today.segments == ["done", "waiting", "open"]
    assert today.minutes_left == 2
    assert [card.member_id for card in today.cards] == [people[3].pk]
    assert [card.chip for card in today.finished] == ["delivered"]
    assert [line.code for line in today.finished[0].lines] == ["delivered"]
    assert [line.code for line in today.waiting[0].lines] == ["to_confirm"]
    assert today.excused[0].sentence
    assert selectors.badge(guide_id=guide.pk, now=moment) == 1


def test_chased_stand_first_then_overdue_then_value(moment, store):
    guide, people = make_team(moment, guides=1, friends=4, store=store)[0]
    old = hand_out(people[:1], moment - timedelta(days=3))
    new = hand_out(people[1:3], moment)
    chased = hand_out(people[3:], moment)
    TaskTarget.objects.filter(push=new, member=people[2]).update(value_fen=90_000)
    services.chase(actor=manager_actor(guide, store, moment), now=moment, push=chased)

    today = selectors.today(guide_id=guide.pk, now=moment)

    order = [people[3].pk, people[0].pk, people[2].pk, people[1].pk]
    assert [card.member_id for card in today.cards] == order
    assert today.cards[1].is_overdue
    assert today.cards[1].push_id == old.pk
    assert today.segments == ["overdue", "open", "open", "open"]


def test_a_card_says_what_was_bought_last_and_where_the_target_ended_up(moment, push, team, store):
    guide, people = team[0]
    buy(people[0], store, moment - timedelta(days=92))
    target = deliver(target_of(push, people[1]), moment)
    order = buy(people[1], store, moment + timedelta(hours=1))
    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=1))

    today = selectors.today(guide_id=guide.pk, now=moment + timedelta(hours=2))

    card = next(card for card in today.cards if card.member_id == people[0].pk)
    assert (card.last_buy.product, card.last_buy.size, card.last_buy.days_ago) == ("跑鞋", "38", 92)
    undressed = selectors.today(guide_id=guide.pk, now=moment + timedelta(hours=2), bought=0)
    assert {one.last_buy for one in undressed.cards} == {None}
    finished = next(card for card in today.finished if card.target_id == target.pk)
    assert finished.chip == "purchased"
    assert [line.code for line in finished.lines] == ["delivered", "purchased"]


def test_work_planned_for_later_is_not_on_todays_list(moment, push, team):
    guide, people = team[0]
    TaskTarget.objects.filter(member=people[0]).update(opens_at=moment + timedelta(days=1))

    today = selectors.today(guide_id=guide.pk, now=moment)

    assert people[0].pk not in [card.member_id for card in today.cards]
    assert today.total == 3


def test_the_shortcut_is_the_task_that_saves_most_taps(moment, push, team):
    guide, _people = team[0]

    shortcut = selectors.today(guide_id=guide.pk, now=moment).shortcut

    assert (shortcut.title, shortcut.count) == (push.title, 4)


def test_today_takes_the_same_few_queries_at_any_size(moment, store, django_assert_max_num_queries):
    small = make_team(moment, guides=1, friends=2, store=store)
    large = make_team(moment, guides=1, friends=30, store=store)
    for team in (small, large):
        push = hand_out(members_of(team), moment)
        for person in members_of(team)[::2]:
            deliver(target_of(push, person), moment)

    for guide, _people in (small[0], large[0]):
        with django_assert_max_num_queries(8):
            selectors.today(guide_id=guide.pk, now=moment)


def test_a_tasks_page_and_one_personal_text_take_few_queries(
    moment, push, team, django_assert_max_num_queries
):
    guide, people = team[0]
    Member.objects.filter(pk=people[0].pk).update(name="王一鸣", gender="m")
    task = selectors.own_task(
        task_id=GuideTask.objects.get(push=push, guide=guide).pk,
        guide_id=guide.pk,
        actor=guide_actor(guide, moment),
    )
    tap(target_of(push, people[1]), moment)

    with django_assert_max_num_queries(9):
        page = selectors.task_page(task, now=moment)
        (card,) = [card for card in page.cards if card.member_id == people[0].pk]
        text = selectors.personal_text(body=page.body, card=card, now=moment)

    assert text.startswith("王先生，")
    assert (page.done, page.waiting_count, page.to_contact, page.total) == (0, 1, 3, 4)
    assert page.can_send_to_all
    assert page.generic_text.endswith("到了新靴。")


def test_the_team_page_adds_up_per_guide(moment, push, team, store):
    (first, people), (second, others) = team
    actor = guide_actor(first, moment)
    services.open_task(task=GuideTask.objects.get(push=push, guide=first), actor=actor, now=moment)
    deliver(target_of(push, people[0]), moment)
    tap(target_of(push, people[1]), moment)
    services.excuse_target(
        target=target_of(push, people[2]), reason="other", actor=actor, now=moment
    )

    team_page = selectors.team_progress(
        actor=manager_actor(first, store, moment), now=moment, push_id=push.pk
    )

    rows = {row.guide_id: row for row in team_page.guides}
    own = rows[first.pk]
    assert (own.issued, own.done, own.waiting, own.not_started, own.excused) == (4, 1, 1, 1, 1)
    assert own.is_seen
    assert not own.needs_help
    assert not rows[second.pk].is_seen
    assert team_page.to_help == [rows[second.pk]]
    assert (team_page.issued, team_page.due, team_page.not_seen) == (8, 7, 4)
    assert team_page.completion_rate == pytest.approx(1 / 7)
    assert team_page.excused_rate == pytest.approx(1 / 8)
    for row in team_page.guides:
        assert row.issued == row.done + row.open + row.expired + row.excused
    assert len(others) == rows[second.pk].not_started


def test_the_team_page_takes_the_same_queries_at_any_size(
    moment, push, team, store, django_assert_max_num_queries
):
    manager = manager_actor(team[0][0], store, moment)
    with django_assert_max_num_queries(4):
        selectors.team_progress(actor=manager, now=moment)
    hand_out(members_of(make_team(moment, guides=5, friends=6, store=store)), moment)

    with django_assert_max_num_queries(4):
        assert len(selectors.team_progress(actor=manager, now=moment).guides) == 7


def test_a_manager_chases_at_most_three_times_a_day(moment, push, team, store):
    manager = manager_actor(team[0][0], store, moment)
    task = GuideTask.objects.get(push=push, guide=team[1][0])

    for _time in range(3):
        assert services.chase(actor=manager, now=moment, task_ids=[task.pk]) == 1
    with pytest.raises(ChasedEnough):
        services.chase(actor=manager, now=moment, task_ids=[task.pk])

    notices = GuideNotice.objects.filter(source__contains=":chase:")
    assert notices.count() == 3
    assert services.chase(actor=manager, now=moment + timedelta(days=1), task_ids=[task.pk]) == 1


def test_a_guide_and_a_foreign_manager_chase_nobody(moment, push, team, store):
    stranger = manager_actor(team[0][0], make_store(), moment)
    task = GuideTask.objects.get(push=push, guide=team[1][0])

    assert services.chase(actor=stranger, now=moment, task_ids=[task.pk]) == 0
    assert not GuideNotice.objects.filter(source__contains=":chase:").exists()


def test_my_numbers_come_from_rows(moment, push, team):
    guide, people = team[0]
    deliver(target_of(push, people[0]), moment)
    services.excuse_target(
        target=target_of(push, people[1]),
        reason="other",
        actor=guide_actor(guide, moment),
        now=moment,
    )

    mine = selectors.my_numbers(guide_id=guide.pk, now=moment)

    assert (mine.issued, mine.done, mine.excused, mine.delivered) == (4, 1, 1, 1)
    assert mine.completion_rate == pytest.approx(1 / 3)
    assert mine.raw_rate == pytest.approx(1 / 4)


def test_what_head_office_took_back_weighs_on_nobodys_figures(moment, push, team):
    guide = team[0][0]
    recalling.withdraw_push(push=push, actor=SYSTEM, now=moment)

    assert selectors.my_numbers(guide_id=guide.pk, now=moment).issued == 0
    assert selectors.team_progress(actor=SYSTEM, now=moment).guides == []
